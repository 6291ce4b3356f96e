// What both pages are made of. Used by program_page.cc and campaign_page.cc only. Cost: for output only.
#pragma once

#include <string>

#include "properties/report/story.h"

namespace cma {

// Returns a whole page around a body.
std::string page_around(const std::string& title, const std::string& body);
// Returns the sections about one program. `id` begins their identifiers; headings have this level.
std::string program_sections(const ProgramStory& story, const std::string& id, int level);
// Returns one line for a finding: "exclusive/cma_alloc/cma_mutex_dropped", or that no law is broken.
std::string verdict(const ProgramStory& story);
// Returns the name of a file without its folders.
std::string base_name(const std::string& file);

}  // namespace cma
