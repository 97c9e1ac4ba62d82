// The budget as a reader sees it, and what is wrong with it.
#pragma once

#include <string>
#include <vector>

#include "budget/facts.h"

namespace hb::budget {

// Markdown: a table for each source file, a row for each kernel, with the range over its instances.
std::string table_of(const Kept& kept);

// `text` with everything between the two lines that mark the tables replaced by `tables`. Throws std::runtime_error
// where a mark is missing.
std::string with_tables(const std::string& text, const std::string& tables);

// What no GPU would accept, or what must not be: spilled registers, a stack, launches that fail. A line for each.
std::vector<std::string> faults_of(const Kept& kept);

// Where `found` differs from what is kept of that architecture: kernels that are not kept, kernels that are gone, and
// other numbers; registers by more than the 4 that ptxas leaves to chance. A line for each.
std::vector<std::string> differences(const std::string& architecture, const CompiledKernels& kept,
                                     const CompiledKernels& found);

// Launches that are not within those that are kept.
std::vector<std::string> new_launches(const Launched& kept, const Launched& found);

}  // namespace hb::budget
