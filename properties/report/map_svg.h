// The page map over time as a picture: rows are steps, columns pages, actors side by side. Drawn are only pageblocks in
// which something changes or which the finding names. Pages next to each other with equal histories are folded, so that
// a machine of gigabytes stays readable.
//
// Used by the pages of this folder and by `cmacheck report --svg`. Deterministic. Cost: linear in the changes and in
// the cells drawn.
#pragma once

#include <string>

#include "properties/report/story.h"

namespace cma {

// A picture, and what it leaves out.
struct StoryMap {
  std::string svg;   // one element; its classes are those of map_style()
  std::string note;  // for people: what was folded or left out; empty if nothing was
};

// Draws the story. `id` begins the identifiers in it: a page with several pictures needs several.
StoryMap draw_story(const ProgramStory& story, const std::string& id);
// Returns the styles of the picture, for light, dark and print.
std::string map_style();
// Returns the picture as a file of its own, with its styles and its legend.
std::string story_svg_file(const ProgramStory& story);
// Returns the class of the cell of a page with this letter.
std::string cell_class(char letter);

}  // namespace cma
