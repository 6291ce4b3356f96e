#include <nlohmann/json.hpp>

#include "properties/traces/writers.h"

namespace cma {
namespace {

using nlohmann::json;

constexpr int kProcess = 1;

json metadata(const char* what, const json& arguments, int thread) {
  return {{"ph", "M"}, {"pid", kProcess}, {"tid", thread}, {"name", what}, {"args", arguments}};
}

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

json slice(const RunTrace& trace, const TraceSpan& span) {
  return {{"ph", "X"},
          {"pid", kProcess},
          {"tid", trace.tasks[span.task].pid},
          {"ts", microseconds(span.begin)},
          {"dur", microseconds(span.end - span.begin)},
          {"cat", "operation"},
          {"name", span.text},
          {"args", {{"op", span.op}, {"result", span.outcome}}}};
}

json instant(const RunTrace& trace, const TraceEvent& event) {
  json arguments = {{"cpu", event.cpu}, {"text", event.text}};
  for (const TraceField& field : event.fields) arguments[field.name] = field.value;
  return {{"ph", "i"},
          {"s", "t"},
          {"pid", kProcess},
          {"tid", trace.tasks[event.task].pid},
          {"ts", microseconds(event.nanoseconds)},
          {"cat", event.format.system},
          {"name", event.format.name},
          {"args", std::move(arguments)}};
}

}  // namespace

std::string perfetto_json(const RunTrace& trace) {
  json events = json::array();
  events.push_back(metadata("process_name", {{"name", "Linux " + name_of(trace.release)}}, 0));
  for (const TraceTask& task : trace.tasks) {
    events.push_back(metadata("thread_name", {{"name", task.name}}, task.pid));
    events.push_back(metadata("thread_sort_index", {{"sort_index", task.pid}}, task.pid));
  }
  for (const TraceSpan& span : trace.spans)
    if (span.slice) events.push_back(slice(trace, span));
  for (const TraceEvent& event : trace.events) {
    // Where operations begin and end the slices show.
    if (event.format.name != "op_begin" && event.format.name != "op_end") events.push_back(instant(trace, event));
  }
  // An operation without a slice is an instant.
  for (const TraceSpan& span : trace.spans) {
    if (span.slice) continue;
    json at = slice(trace, span);
    at["ph"] = "i";
    at["s"] = "t";
    at.erase("dur");
    events.push_back(std::move(at));
  }
  const json file = {{"displayTimeUnit", "ns"},
                     {"otherData", {{"time", "a microsecond is a step of the run"}}},
                     {"traceEvents", std::move(events)}};
  return file.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace cma
