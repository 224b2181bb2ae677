// thumbnailer.hpp: stands for somebody else's C library, one with a fault: it believes that every
// image has a header
#pragma once

#include <cstddef>

extern "C" {

struct thumbnailer_image {
  unsigned char const* header;  // as the parser left it: null when there was none
  unsigned char const* pixels;
  std::size_t count;
};

// The brightness of an image. Dereferences the header.
unsigned thumbnailer_brightness(thumbnailer_image const* image);
}
