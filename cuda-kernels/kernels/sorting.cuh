// Stable sort of keys with the places that they came from.
#pragma once

#include <cstdint>

#include "host/device.h"

namespace hb::cuda {

// Key: uint32_t or uint64_t. Fill keys(), run, read keys() and order(). At most 2^32 - 1 keys.
template <class Key>
class RadixSort {
  public:
    explicit RadixSort(int64_t n);
    // Sorts by the low `bits` bits, the only ones that may be set; afterwards order()[i] is where keys()[i] was.
    void run(int bits);
    Key* keys() const { return keys_[at_]->data(); }
    const uint32_t* order() const { return orders_[at_]->data(); }

  private:
    const int64_t n_, tiles_;
    DeviceScratch<Key> first_keys_, second_keys_;
    DeviceScratch<uint32_t> first_order_, second_order_, counts_;
    const DeviceScratch<Key>* const keys_[2] = {&first_keys_, &second_keys_};
    const DeviceScratch<uint32_t>* const orders_[2] = {&first_order_, &second_order_};
    int at_ = 0;
};

}  // namespace hb::cuda
