// one_world.hpp: this translation unit belongs to the relacy world, and the linker is told so.
//
// Problem.   An atomic of another world has the same name and another layout; objects of two worlds
//            link without a word.
// Recipe.    Every unit that includes a world header refers to `retake_world_relacy`, in a section
//            that is never loaded. The archive member that defines it defines
//            `retake_the_one_world` too, as every world's does: two worlds do not link, none does
//            not.
//
// Checked by tests/relacy/model_cli_test.sh (the symbols), tests/world/one_world_test.sh.
#pragma once

__asm__(
    ".pushsection .retake.one_world,\"\",%progbits\n"
    ".quad retake_world_relacy\n"
    ".popsection\n");
