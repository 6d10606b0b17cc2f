// The reference model as a plain loop over a priority queue: the limit of what a general engine can come near to.
// Reads int64: guests, slots, service_ns, consume_ns, repeat, hosts; then a host at a time: frames, instants, guests.
// Writes frames, sum of latencies, and the seconds of each repeat.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <queue>
#include <vector>

struct Event {
    int64_t at_ns;
    int64_t sequence;
    int32_t frame;
    bool is_served;
    bool operator<(const Event &other) const {
        return at_ns != other.at_ns ? at_ns > other.at_ns : sequence > other.sequence;
    }
};

struct Host {
    std::vector<int64_t> at_ns, guest;
};

struct Sums {
    int64_t frames, latency_ns;
};

static int64_t read_number() {
    int64_t number = 0;
    if (fread(&number, sizeof number, 1, stdin) != 1) throw 1;
    return number;
}

static Sums run(const Host &host, int64_t guests, int64_t slots, int64_t service_ns, int64_t consume_ns) {
    std::priority_queue<Event> events;
    std::vector<int64_t> free_slots(guests, slots);
    std::vector<std::deque<int32_t>> for_slot(guests);
    std::deque<int32_t> for_engine;
    bool is_busy = false;
    int64_t sequence = 0, now_ns = 0;
    Sums sums{0, 0};

    auto serve = [&](int32_t frame) {
        if (is_busy) {
            for_engine.push_back(frame);
            return;
        }
        is_busy = true;
        events.push({now_ns + service_ns, sequence++, frame, true});
    };
    size_t next = 0;
    while (next < host.at_ns.size() || !events.empty()) {
        if (next < host.at_ns.size() && (events.empty() || host.at_ns[next] < events.top().at_ns)) {
            now_ns = host.at_ns[next];
            int64_t guest = host.guest[next];
            if (free_slots[guest] > 0) {
                free_slots[guest]--;
                serve(next);
            } else {
                for_slot[guest].push_back(next);
            }
            next++;
            continue;
        }
        Event event = events.top();
        events.pop();
        now_ns = event.at_ns;
        if (event.is_served) {
            is_busy = false;
            if (!for_engine.empty()) {
                serve(for_engine.front());
                for_engine.pop_front();
            }
            events.push({now_ns + consume_ns, sequence++, event.frame, false});
            continue;
        }
        sums.frames++;
        sums.latency_ns += now_ns - host.at_ns[event.frame];
        auto &waiting = for_slot[host.guest[event.frame]];
        if (waiting.empty()) {
            free_slots[host.guest[event.frame]]++;
        } else {
            serve(waiting.front());
            waiting.pop_front();
        }
    }
    return sums;
}

int main() {
    int64_t guests = read_number(), slots = read_number(), service_ns = read_number(), consume_ns = read_number();
    int64_t repeat = read_number();
    std::vector<Host> hosts(read_number());
    for (auto &host : hosts) {
        size_t frames = read_number();
        for (auto *column : {&host.at_ns, &host.guest}) {
            column->resize(frames);
            if (fread(column->data(), sizeof(int64_t), frames, stdin) != frames) return 1;
        }
    }
    std::vector<double> seconds;
    Sums sums{0, 0};
    for (int64_t i = 0; i < repeat; i++) {
        sums = {0, 0};
        auto began = std::chrono::steady_clock::now();
        for (const auto &host : hosts) {
            Sums one = run(host, guests, slots, service_ns, consume_ns);
            sums.frames += one.frames;
            sums.latency_ns += one.latency_ns;
        }
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    printf("%ld %ld", sums.frames, sums.latency_ns);
    for (double span : seconds) printf(" %.9f", span);
    printf("\n");
    return 0;
}
