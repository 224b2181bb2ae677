// net.hpp: everything that carries bytes to other processes.
#pragma once

#include "retake/address.hpp"
#include "retake/buffered.hpp"
#include "retake/datagram.hpp"
#include "retake/dial.hpp"
#include "retake/stream.hpp"
#include "retake/tcp.hpp"
#include "retake/udp.hpp"
#include "retake/unix.hpp"
