// needs_exceptions.hpp: refuses -fno-exceptions. A goroutine's panic, a fault of a foreign call and
// failed allocations are exceptions that pass through the caller's frames.
#pragma once

#ifndef __cpp_exceptions
#error "retake needs C++ exceptions: compile every source that includes its headers without -fno-exceptions"
#endif
