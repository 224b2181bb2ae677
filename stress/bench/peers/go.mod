module retake-bench-peer

go 1.19
