#include "properties/logs/error_meaning.h"

#include <fmt/format.h>

namespace cma::logs {
namespace {

constexpr int kEintr = 4;
constexpr int kEnomem = 12;
constexpr int kEbusy = 16;

// Returns whether the log shows that a window was tried.
bool tried(const Request& request) { return request.windows() != 0 || request.retry_lines != 0; }

ErrorMeaning enomem(const Request& request, const Reading& reading, const Kernel& kernel) {
  if (tried(request))
    return {Culprit::no_memory_to_move, Certainty::fits,
            "-12 after windows that were tried: there was no memory to move their pages to"};
  if (reading.room == Room::some)
    return {Culprit::no_memory_to_move, Certainty::fits,
            "-12 (-ENOMEM), though a free run has room for it: a window was tried, and there was no memory to move its "
            "pages to"};
  if (kernel.all_before(Release::v6_15))
    return {Culprit::no_room, Certainty::fits,
            "-12 (-ENOMEM): no window was tried. No run of free bits is long enough at this alignment: the "
            "area is full or fragmented, and no page was in the way. (Rarely a window was tried, and there was no "
            "memory to move its pages to.)"};
  if (kernel.all_since(Release::v6_15))
    return {Culprit::no_memory_to_move, Certainty::fits,
            "-12 (-ENOMEM) since 6.15: a window was tried, and there was no memory to move its pages to; an area "
            "without room gives -16"};
  return {Culprit::unknown, Certainty::follows,
          "-12 (-ENOMEM): before 6.15 the area has no room for it; since 6.15 there was no memory to move pages to. "
          "The log does not tell the version"};
}

ErrorMeaning ebusy(const Request& request, const Reading& reading, const Kernel& kernel) {
  if (tried(request))
    return {Culprit::page_in_the_way, Certainty::follows,
            "-16 (-EBUSY) after windows that were tried: each had a page that could not be moved, or that others "
            "worked on"};
  if (kernel.all_before(Release::v6_15))
    return {Culprit::page_in_the_way, Certainty::follows,
            "-16 (-EBUSY): there was room, at least one window was tried, and the last one had a page that "
            "could not be moved"};
  if (reading.room == Room::none || reading.room == Room::none_at_alignment)
    return {Culprit::no_room, reading.room == Room::none ? Certainty::follows : Certainty::fits,
            "-16 (-EBUSY), which since 6.15 is the error of an area without room as well: no free run had room for it"};
  if (reading.room == Room::some)
    return {Culprit::page_in_the_way, Certainty::fits,
            "-16 (-EBUSY), and a free run had room for it: a page of each window could not be moved"};
  if (kernel.all_since(Release::v6_15))
    return {Culprit::no_room_or_page, Certainty::follows,
            "-16 (-EBUSY) since 6.15: the area has no room for it, or a page of each window could not be moved. The "
            "error does not tell which"};
  return {Culprit::no_room_or_page, Certainty::follows,
          "-16 (-EBUSY): before 6.15 a page of each window could not be moved; since 6.15 it may as well mean that the "
          "area has no room. The log does not tell the version"};
}

ErrorMeaning meaning_of(const Request& request, const Reading& reading, const Kernel& kernel) {
  if (!request.error) {
    if (tried(request))
      return {Culprit::page_in_the_way, Certainty::follows, "a page of each window that was tried could not be moved"};
    return {Culprit::unknown, Certainty::follows, "the log does not have its error"};
  }
  switch (-*request.error) {
    case kEnomem: return enomem(request, reading, kernel);
    case kEbusy: return ebusy(request, reading, kernel);
    case kEintr: return {Culprit::signal, Certainty::follows, "-4 (-EINTR): the task that asked was being killed"};
  }
  return {Culprit::unknown, Certainty::seen,
          fmt::format("{}: not an error that such a request usually has", *request.error)};
}

}  // namespace

ErrorMeaning error_meaning(const Request& request, const Reading& reading, const Kernel& kernel) {
  ErrorMeaning meaning = meaning_of(request, reading, kernel);
  const bool loose =
      request.windows_loose || (request.error ? request.end_loose : request.windows() == 0 && request.retries_loose);
  if (loose && meaning.certainty < Certainty::fits) meaning.certainty = Certainty::fits;
  return meaning;
}

}  // namespace cma::logs
