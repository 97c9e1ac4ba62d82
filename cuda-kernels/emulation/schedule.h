// The order in which threads, blocks and queued work run: one choice for the whole process.
#pragma once

#include <cstdint>
#include <string>

namespace hb::emulation {

// HORNBEAM_SCHEDULE chooses: "forward" (the default: lowest first), "reversed" (highest first), or a seed, which draws
// the order. A program that is right gives the same results under all of them.
class Schedule {
  public:
    enum class Kind : uint8_t { forward, reversed, seeded };

    // Of the environment. Prints and ends the process where the value is none of the three.
    static Schedule of_environment();
    // Throws std::invalid_argument.
    static Schedule parse(const std::string& text);

    Kind kind() const { return kind_; }
    bool seeded() const { return kind_ == Kind::seeded; }
    // Below `bound`, which is not 0.
    uint32_t draw(uint32_t bound) { return static_cast<uint32_t>((next() >> 32) * bound >> 32); }

  private:
    // SplitMix64 (Steele, Lea, Flood 2014): a few operations, and any seed will do. Nothing of the engine's own
    // random numbers comes from here.
    uint64_t next() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

    Kind kind_ = Kind::forward;
    uint64_t state_ = 0;
};

// The one in use: that of the environment, until a test sets another. A variable, as every thread that starts asks it.
extern Schedule current_schedule;
inline Schedule& schedule() { return current_schedule; }
// For tests, which run several in one process. Nothing may be queued or running.
void set_schedule(const std::string& text);

}  // namespace hb::emulation
