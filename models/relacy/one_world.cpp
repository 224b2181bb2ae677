// The relacy world's name and its claim to be the only one in the image: world/one_world.hpp.
extern "C" {
extern char const retake_world_relacy;
extern char const retake_the_one_world;
char const retake_world_relacy = 0;
char const retake_the_one_world = 0;
}
