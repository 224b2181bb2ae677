// needs_exceptions.hpp: says so where exceptions are off. A goroutine's panic, a fault of a foreign call and the want of memory are exceptions, which pass through
// the frames of the caller.
#pragma once

#ifndef __cpp_exceptions
#error "retake needs C++ exceptions: compile without -fno-exceptions what includes its headers"
#endif
