// one_world.hpp: one linked image holds exactly one world.
//
// Problem.   Two worlds in one image link silently (templates and inline functions merge) and
//            compute nonsense.
// Recipe.    Every translation unit that includes a world header references `retake_world_sim`,
//            which only this world's archive defines, beside the strong symbol
//            `retake_the_one_world` that every world's archive defines: two worlds do not link.
// Rejected.  A constant pointer per translation unit: it would be data of ours in the image, and
//            there is to be none.
#pragma once

extern "C" char const retake_world_sim;
extern "C" char const retake_the_one_world;

namespace retake::world {

[[gnu::used]] static inline char const* one_world_reference() { return &retake_world_sim; }

}  // namespace retake::world
