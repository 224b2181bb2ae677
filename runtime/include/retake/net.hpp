// net.hpp: everything that carries bytes to other processes.
#pragma once

#include "retake/stream.hpp"
#include "retake/tcp.hpp"
