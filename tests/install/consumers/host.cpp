// host.cpp: a program that knows the shared library and not the runtime.
void run_plugin();

int main() { run_plugin(); }
