// one_world.hpp: this translation unit belongs to the os world, and the linker is told so.
//
// Problem.   An atomic of the os world and one of the sim have the same name and another layout.
//            Two objects compiled for different worlds link without a word and compute nonsense.
// Rejected.  #error on a macro: sees one translation unit, never two. An inline namespace per
//            world: the runtime's own functions would still be one symbol with two meanings. A
//            pointer variable or an unused function per unit: data or code of ours in the image. A
//            bare `.globl`: pulls the archive in, but a link without any world succeeds.
// Recipe.    Every unit that includes a world header carries one reference to `retake_world_os`, in
//            a section that is never loaded. The archive member that defines it also defines the
//            strong symbol `retake_the_one_world`, and so does the other worlds'
//            member: units of two worlds pull in both members, and the second definition is an
//            error of the linker.
//
// Checked by tests/world/one_world_test.sh: one world links, two worlds do not, and no world does
// not.
// Not promised: anything about shared objects that were linked apart from each other.
#pragma once

__asm__(
    ".pushsection .retake.one_world,\"\",%progbits\n"
    ".quad retake_world_os\n"
    ".popsection\n");
