#include "emulation/schedule.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace hb::emulation {

Schedule Schedule::parse(const std::string& text) {
    Schedule result;
    if (text.empty() || text == "forward") return result;
    if (text == "reversed") {
        result.kind_ = Kind::reversed;
        return result;
    }
    if (text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) {
        throw std::invalid_argument("HORNBEAM_SCHEDULE is '" + text +
                                    "'; expected forward, reversed or a number, the seed");
    }
    result.kind_ = Kind::seeded;
    result.state_ = std::stoull(text);
    return result;
}

Schedule Schedule::of_environment() {
    const char* text = std::getenv("HORNBEAM_SCHEDULE");
    try {
        return parse(text ? text : "");
    } catch (const std::invalid_argument& wrong) {
        std::fprintf(stderr, "%s\n", wrong.what());
        std::exit(2);
    }
}

Schedule current_schedule = Schedule::of_environment();

void set_schedule(const std::string& text) { schedule() = Schedule::parse(text); }

}  // namespace hb::emulation
