// model.hpp: types that look like the standard's and live in the simulator: a header is explored by
// giving it retake::model where it says std (models/explore/README.md lists what is modelled).
#pragma once

#include "retake/model/atomic.hpp"
#include "retake/model/mutex.hpp"
#include "retake/model/semaphore.hpp"
#include "retake/model/thread.hpp"
