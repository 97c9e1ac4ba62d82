#include "emulation/async_copies.h"

#include <cstring>
#include <vector>

#include "emulation/checker.h"
#include "emulation/report.h"
#include "emulation/scheduler.h"
#include "emulation/tensor_core.h"

namespace hb::emulation {

bool copies_asked;

namespace {

struct Copy {
    char* to;
    const char* from;
    const void* site;
    uint32_t group;
    uint8_t bytes, source_bytes;
};

// In the order of the calls; those before `done` are made. The memory stays for the threads of later blocks.
struct Queue {
    std::vector<Copy> copies;
    size_t done = 0;
    uint32_t committed = 0;  // groups
};
Queue queues[1024];

void make(const Copy& copy) {
    checker::async_copy_made(copy.to, copy.from, copy.bytes, copy.source_bytes, copy.site);
    std::memcpy(copy.to, copy.from, copy.source_bytes);
    std::memset(copy.to + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
}

// Of the groups below `end`.
void make_groups(Queue& queue, uint32_t end) {
    while (queue.done < queue.copies.size() && queue.copies[queue.done].group < end) make(queue.copies[queue.done++]);
    if (queue.done == queue.copies.size()) {
        queue.copies.clear();
        queue.done = 0;
    }
}

}  // namespace

void copy_async(void* shared, const void* global, uint32_t bytes, uint32_t source_bytes) {
    const void* site = __builtin_return_address(0);
    if ((bytes != 4 && bytes != 8 && bytes != 16) || source_bytes > bytes) {
        report("sync: an asynchronous copy moves 4, 8 or 16 bytes, and reads no more than that", site);
        return;
    }
    checker::async_copy_asked(shared, global, bytes, source_bytes, site);
    copies_asked = true;
    Queue& queue = queues[running.thread->linear];
    queue.copies.push_back({static_cast<char*>(shared), static_cast<const char*>(global), site, queue.committed,
                            static_cast<uint8_t>(bytes), static_cast<uint8_t>(source_bytes)});
}

void commit_copies() {
    copies_asked = true;
    queues[running.thread->linear].committed++;
}

void wait_for_copies(uint32_t pending) {
    Queue& queue = queues[running.thread->linear];
    if (queue.committed > pending) make_groups(queue, queue.committed - pending);
}

void finish_copies() {
    Queue& queue = queues[running.thread->linear];
    make_groups(queue, ~0u);
    queue.committed = 0;
}

void drop_copies() {
    if (copies_asked) {
        for (Queue& queue : queues) {
            queue.copies.clear();
            queue.done = queue.committed = 0;
        }
    }
    copies_asked = false;
}

}  // namespace hb::emulation
