// thumbnailer.cpp: somebody else's C library, with its fault
#include "vendor/thumbnailer.hpp"

extern "C" unsigned thumbnailer_brightness(thumbnailer_image const* image) {
  unsigned sum = image->header[0];
  for (std::size_t i = 0; i < image->count; ++i) sum += image->pixels[i];
  return sum;
}
