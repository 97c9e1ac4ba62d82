// What the host side calls: each family of ops puts its functions into the table of the backend.
#pragma once

#include "backend/backend.h"

namespace hb::cuda {

void add_random(Backend& table);
void add_movement(Backend& table);
void add_elementwise(Backend& table);
void add_reductions(Backend& table);
void add_sorting(Backend& table);
void add_linear_algebra(Backend& table);
void add_convolution(Backend& table);
void add_pooling(Backend& table);
void add_normalisation(Backend& table);
void add_attention(Backend& table);
void add_losses(Backend& table);
void add_dropout(Backend& table);
void add_optimizers(Backend& table);
void add_collectives(Backend& table);

}  // namespace hb::cuda
