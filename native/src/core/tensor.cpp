#include "core/tensor.h"

#include <mutex>

#include "core/host_allocator.h"

namespace hb {
namespace {

// A handle is generation * 2^32 + slot + 1. A slot's generation grows with each release, so a stale handle is noticed.
// Slots live in chunks that are never freed or moved.
struct Slot {
    Tensor tensor;
    uint32_t generation = 1;
    bool live = false;
    uint32_t next_free = 0;
};

constexpr uint32_t kChunk = 1024, kChunks = 1 << 16;

class SlotTable {
  public:
    Slot& take(uint32_t& index) {
        if (free_ == 0) add_chunk();
        index = free_ - 1;
        Slot& slot = at(index);
        free_ = slot.next_free;
        slot.live = true;
        live++;
        return slot;
    }
    void give(uint32_t index) {
        Slot& slot = at(index);
        slot.live = false;
        slot.tensor = Tensor{};
        // Wraps within 31 bits, past 0, so that handles stay positive.
        slot.generation = slot.generation % 0x7fffffffu + 1;
        slot.next_free = free_;
        free_ = index + 1;
        live--;
    }
    Slot* find(hb_tensor handle, uint32_t* index = nullptr) {
        if (handle <= 0) return nullptr;
        uint32_t number = static_cast<uint32_t>(handle);
        if (number == 0 || number > count_) return nullptr;
        Slot& slot = at(number - 1);
        if (!slot.live || slot.generation != static_cast<uint32_t>(handle >> 32)) return nullptr;
        if (index) *index = number - 1;
        return &slot;
    }
    bool ever_used(hb_tensor handle) const {
        uint32_t number = static_cast<uint32_t>(handle);
        return handle > 0 && number != 0 && number <= count_ && (handle >> 32) != 0;
    }
    std::mutex mutex;
    int64_t live = 0;
    int64_t storages = 0;
    int64_t next_identity = 1;

  private:
    Slot& at(uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
    void add_chunk() {
        if (count_ / kChunk == kChunks) fail(HB_ERROR_MEMORY, "more than %u tensors are alive", kChunk * kChunks);
        Slot* chunk = new Slot[kChunk];
        chunks_[count_ / kChunk] = chunk;
        for (uint32_t i = kChunk; i-- > 0;) {
            chunk[i].next_free = free_;
            free_ = count_ + i + 1;
        }
        count_ += kChunk;
    }
    Slot* chunks_[kChunks] = {};
    uint32_t count_ = 0;
    uint32_t free_ = 0;
};

SlotTable& table() {
    static SlotTable* t = new SlotTable;
    return *t;
}

hb_tensor handle_of(uint32_t index, const Slot& slot) {
    return (static_cast<int64_t>(slot.generation) << 32) | (index + 1);
}

// Storage records outlive the slot that made them (views), so they are kept on a list of their own.
union StorageRecord {
    Storage storage;
    StorageRecord* next;
    StorageRecord() {}
    ~StorageRecord() {}
};
StorageRecord* free_records = nullptr;  // under table().mutex

Storage* take_record() {
    if (!free_records) {
        StorageRecord* chunk = new StorageRecord[kChunk];
        for (uint32_t i = 0; i < kChunk; i++) {
            chunk[i].next = free_records;
            free_records = &chunk[i];
        }
    }
    StorageRecord* record = free_records;
    free_records = record->next;
    return new (&record->storage) Storage{};
}

void give_record(Storage* storage) {
    StorageRecord* record = reinterpret_cast<StorageRecord*>(storage);
    record->next = free_records;
    free_records = record;
}

}  // namespace

hb_tensor new_tensor(hb_device device, DType type, const Shape& shape) {
    const Backend& backend = backend_of(device);
    int64_t bytes = size_of(type);
    for (int i = 0; i < shape.rank; i++)
        if (__builtin_mul_overflow(bytes, shape[i], &bytes) || bytes > (int64_t(1) << 46))
            fail(HB_ERROR_MEMORY, "out of memory: a %s tensor of shape %s", name_of(type), text_of(shape).c_str());
    void* data = backend.allocate(bytes);
    SlotTable& t = table();
    std::lock_guard<std::mutex> lock(t.mutex);
    uint32_t index;
    Slot& slot = t.take(index);
    Storage* storage = take_record();
    t.storages++;
    storage->references.store(1, std::memory_order_relaxed);
    storage->backend = &backend;
    storage->device = device;
    storage->bytes = bytes;
    storage->data = data;
    storage->identity = t.next_identity++;
    slot.tensor.storage = storage;
    slot.tensor.view.data = data;
    slot.tensor.view.type = type;
    slot.tensor.view.shape = shape;
    slot.tensor.view.make_dense_strides();
    return handle_of(index, slot);
}

hb_tensor new_view(Storage* storage, const View& view) {
    SlotTable& t = table();
    std::lock_guard<std::mutex> lock(t.mutex);
    uint32_t index;
    Slot& slot = t.take(index);
    storage->references.fetch_add(1, std::memory_order_relaxed);
    slot.tensor.storage = storage;
    slot.tensor.view = view;
    return handle_of(index, slot);
}

Tensor acquire(hb_tensor handle, const char* op, const char* argument) {
    SlotTable& t = table();
    std::lock_guard<std::mutex> lock(t.mutex);
    Slot* slot = t.find(handle);
    if (!slot) {
        if (handle == 0) fail(HB_ERROR_HANDLE, "%s: %s is missing (handle 0); a tensor is required", op, argument);
        fail(HB_ERROR_HANDLE,
             t.ever_used(handle) ? "%s: %s (handle %lld) was released before this call"
                                 : "%s: %s (%lld) is not a tensor handle",
             op, argument, (long long)handle);
    }
    slot->tensor.storage->references.fetch_add(1, std::memory_order_relaxed);
    return slot->tensor;
}

void drop(Storage* storage) {
    if (storage->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    storage->backend->release(storage->data);
    SlotTable& t = table();
    std::lock_guard<std::mutex> lock(t.mutex);
    give_record(storage);
    t.storages--;
}

void release_tensor(hb_tensor handle) {
    SlotTable& t = table();
    Storage* storage = nullptr;
    {
        std::lock_guard<std::mutex> lock(t.mutex);
        uint32_t index;
        Slot* slot = t.find(handle, &index);
        if (!slot)
            fail(HB_ERROR_HANDLE,
                 t.ever_used(handle) ? "release: handle %lld was released before"
                                     : "release: %lld is not a tensor handle",
                 (long long)handle);
        storage = slot->tensor.storage;
        t.give(index);
    }
    drop(storage);
}

int64_t live_tensors() {
    std::lock_guard<std::mutex> lock(table().mutex);
    return table().live;
}

int64_t live_storages() {
    std::lock_guard<std::mutex> lock(table().mutex);
    return table().storages;
}

}  // namespace hb
