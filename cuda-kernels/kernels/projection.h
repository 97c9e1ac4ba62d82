// Hard constraints on how far weights may go from where they began, applied after each step of an optimizer (Gouk,
// Hospedales and Pontil 2021; Ju, Li and Zhang 2022).
#pragma once

#include "backend/backend.h"

namespace hb::cuda {

// parameters[i] (f32, dense) becomes the point of the ball |w - w0|_F <= radii[i] that is nearest to it, where w0 is
// initial[i], or 0 where that is absent. A parameter inside the ball keeps its bits.
void project_frobenius(int count, const View* parameters, const View* initial, const double* radii);

// How a row outside of its ball is brought in.
enum class RowRule {
    kScale,    // w - w0 is scaled to length: the maximum absolute row sum of Gouk et al., what RegSL's authors do
    kNearest,  // to the nearest point, which sets small entries of w - w0 to 0 (Duchi et al. 2008)
};

// Rows [o, ...] of w (f32, dense): sum of |w - w0| <= radius of each row, so that the operator norm of w - w0 from
// l-infinity to l-infinity is at most that. w0 may be absent: 0. Rows inside their ball keep their bits.
void project_rows(const View& w, const View& w0, double radius, RowRule rule);

// Batch norm's gamma, so that |gamma / sqrt(variance + epsilon) - gamma0 / sqrt(variance0 + epsilon)| <= radius in each
// channel. All f32, [c].
void project_scales(const View& gamma, const View& variance, const View& gamma0, const View& variance0, double epsilon,
                    double radius);

}  // namespace hb::cuda
