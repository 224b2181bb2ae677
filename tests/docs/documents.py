"""documents.py: which documents the tests of the documents read."""
import glob, subprocess


def documents(root, given):
    """`given`, or every *.md that the tree keeps; of a tree without git, all of them."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "*.md"], capture_output=True, text=True).stdout.split()
    return given or [f"{root}/{one}" for one in listed] or glob.glob(f"{root}/**/*.md", recursive=True)
