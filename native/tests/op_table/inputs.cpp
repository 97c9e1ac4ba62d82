// Making the inputs of a case: values, and the ways in which they can lie in memory.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/bf16.h"
#include "core/philox.h"
#include "op_table/modes.h"

namespace hb::test {
namespace {

uint64_t hash_of(const std::string& name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (unsigned char c : name) h = (h ^ c) * 0x100000001b3u;
    return h;
}

// The dimension along which the expanded layout repeats one slice; -1 where there is none.
int repeated_dimension(const Sizes& shape) {
    for (size_t i = 0; i < shape.size(); i++)
        if (shape[i] > 1) return int(i);
    return -1;
}

// Where the elements of a tensor lie in a larger one.
struct Placement {
    Sizes base;
    Sizes strides;
    int64_t offset = 0;
};

Sizes dense_strides(const Sizes& shape) {
    Sizes strides(shape.size());
    int64_t s = 1;
    for (size_t i = shape.size(); i-- > 0;) {
        strides[i] = s;
        s *= shape[i];
    }
    return strides;
}

bool is_varied(const Input& input, Layout layout) {
    if (layout == Layout::Dense || input.is_target || input.shape.empty() || count(input.shape) == 0) return false;
    return layout != Layout::Expanded || repeated_dimension(input.shape) >= 0;
}

Placement place(const Sizes& shape, Layout layout) {
    Placement p;
    size_t last = shape.size() - 1;
    p.base = shape;
    if (layout == Layout::Sliced) {
        // Every other element of the last dimension, from the second on; and not the first of the first dimension.
        p.base[last] = 2 * shape[last] + 1;
        if (last > 0) p.base[0]++;
        p.strides = dense_strides(p.base);
        p.offset = 1 + (last > 0 ? p.strides[0] : 0);
        p.strides[last] = 2;
    } else if (layout == Layout::Permuted) {
        std::reverse(p.base.begin(), p.base.end());
        p.strides = dense_strides(p.base);
        std::reverse(p.strides.begin(), p.strides.end());
    } else {
        int repeated = repeated_dimension(shape);
        p.base[size_t(repeated)] = 1;
        p.strides = dense_strides(p.base);
        p.strides[size_t(repeated)] = 0;
    }
    return p;
}

// The view of `base` that has the values, made with the ABI's own views.
hb_tensor view_of(Handles& own, hb_tensor base, const Sizes& shape, Layout layout) {
    int32_t rank = int32_t(shape.size());
    if (layout == Layout::Sliced) {
        if (rank > 1) base = own(hb_slice(base, 0, 1, shape[0] + 1, 1));
        return own(hb_slice(base, rank - 1, 1, 2 * shape[size_t(rank) - 1], 2));
    }
    if (layout == Layout::Permuted) {
        std::vector<int32_t> order;
        for (int32_t i = rank; i-- > 0;) order.push_back(i);
        return own(hb_permute(base, rank, order.data()));
    }
    return own(hb_expand(base, rank, shape.data()));
}

// A bf16 that the double is rounded to by cutting.
double cut_to_bf16(double value) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(value)) & 0xffff0000u);
}

std::vector<double> values_for(const Input& input, PhiloxKey key) {
    std::vector<double> values(size_t(count(input.shape)));
    for (size_t i = 0; i < values.size(); i++) {
        double u = key.uniform(2 * i), v;
        if (input.kind == Input::Kind::Real) {
            if (input.levels > 0) u = std::floor(u * double(input.levels)) / double(input.levels);
            v = float(input.low + (input.high - input.low) * u);
            if (std::fabs(v) < input.apart) v = float(v < 0 ? -input.apart : input.apart);
            if (key.uniform(2 * i + 1) < input.nan_share) v = std::numeric_limits<double>::quiet_NaN();
            if (input.stored && input.type == HB_BF16) v = cut_to_bf16(v);
        } else {
            v = std::floor(input.low + (input.high - input.low + 1) * u);
        }
        values[i] = v;
    }
    return values;
}

}  // namespace

const char* name_of(Layout layout) {
    constexpr const char* names[] = {"dense", "sliced", "permuted", "expanded"};
    return names[int(layout)];
}

hb_dtype type_in(const Input& input, hb_dtype under_test) {
    if (input.kind != Input::Kind::Real || input.stored) return input.type;
    return input.is_parameter && under_test == HB_BF16 ? HB_F32 : under_test;
}

bool is_activation(const Input& input) {
    return input.kind == Input::Kind::Real && !input.stored && !input.is_parameter;
}

bool takes_bf16(const Case& test) { return std::any_of(test.inputs.begin(), test.inputs.end(), is_activation); }

std::vector<std::vector<double>> input_values(const Row& row, const Case& test, Layout layout, hb_dtype type) {
    std::vector<std::vector<double>> all;
    PhiloxKey key;
    key.seed = hash_of(std::string(row.op) + "/" + test.name);
    key.purpose = kPurposeTest;
    for (const Input& input : test.inputs) {
        key.tensor++;
        if (input.kind == Input::Kind::Absent) {
            all.emplace_back();
            continue;
        }
        std::vector<double> values = values_for(input, key);
        // Weights, too: a tier may round them before it multiplies.
        if (type == HB_BF16 && (is_activation(input) || input.is_weight))
            for (double& v : values) v = double(widen(round_to_bf16(float(v))));
        if (layout == Layout::Expanded && is_varied(input, layout)) {
            Sizes strides = dense_strides(input.shape);
            int64_t d = repeated_dimension(input.shape), stride = strides[size_t(d)], size = input.shape[size_t(d)];
            for (int64_t i = 0; i < int64_t(values.size()); i++)
                values[size_t(i)] = values[size_t(i - i / stride % size * stride)];
        }
        all.push_back(std::move(values));
    }
    return all;
}

BuiltInputs::BuiltInputs(const Case& test, const std::vector<std::vector<double>>& values, hb_dtype type,
                         Layout layout) {
    for (size_t i = 0; i < test.inputs.size(); i++) {
        const Input& input = test.inputs[i];
        if (input.kind == Input::Kind::Absent) {
            tensors.push_back(0);
            continue;
        }
        hb_dtype own_type = type_in(input, type);
        if (!is_varied(input, layout)) {
            tensors.push_back(own_(tensor_of(own_type, input.shape, values[i])));
            continue;
        }
        Placement p = place(input.shape, layout);
        // What the view leaves out must never be read: NaN, or an index out of range.
        double poison = input.kind == Input::Kind::Real ? std::numeric_limits<double>::quiet_NaN() : 77;
        std::vector<double> base(size_t(count(p.base)), poison);
        Sizes at(input.shape.size(), 0);
        for (double value : values[i]) {
            int64_t offset = p.offset;
            for (size_t d = 0; d < at.size(); d++) offset += at[d] * p.strides[d];
            base[size_t(offset)] = value;
            for (size_t d = at.size(); d-- > 0;) {
                if (++at[d] < input.shape[d]) break;
                at[d] = 0;
            }
        }
        hb_tensor whole = own_(tensor_of(own_type, p.base, base));
        tensors.push_back(view_of(own_, whole, input.shape, layout));
    }
}

}  // namespace hb::test
