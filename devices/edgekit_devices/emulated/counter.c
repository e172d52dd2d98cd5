/* Counts what a program does under qemu-aarch64: a plugin of QEMU's TCG. API is the version of its interface: 1 for
 * QEMU 4.2 to 8.2; 3 for 9.1 to 10, which take blocks' counters per processor and copy an instruction's bytes.
 *
 * Arguments: cpu=53|72|76, out=FILE. The program marks places by the system call getpgid(MARK + n), which fails
 * harmlessly anywhere else; at each, one line with the counts since the start is appended to FILE:
 *     mark N instructions N loads N stores N simd N dot_products N port_cycles_16 N l1_refills N dram_lines N
 *
 * Debian ships no qemu-plugin.h, so the few functions that are taken are declared here, as QEMU documents them.
 * The counters are not atomic: one thread at a time may compute.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define UNUSED __attribute__((unused))

struct block;
struct instruction;
typedef uint64_t plugin_id;
typedef void (*syscall_listener)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t, uint64_t);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
extern void qemu_plugin_register_vcpu_mem_cb(struct instruction *, void (*)(unsigned, uint32_t, uint64_t, void *),
                                             int registers, int read_and_write, void *);
extern unsigned qemu_plugin_mem_size_shift(uint32_t);
extern bool qemu_plugin_mem_is_store(uint32_t);
extern void qemu_plugin_register_vcpu_syscall_cb(plugin_id, syscall_listener);

EXPORT int qemu_plugin_version = API;

enum { GETPGID = 155, MARK = 0x0ed9e000, MARKS = 0x1000, LINE_BITS = 6, NO_REGISTERS = 0, READ_AND_WRITE = 3 };
enum { INSTRUCTIONS, LOADS, STORES, SIMD, DOT_PRODUCTS, PORT_CYCLES_16, L1_REFILLS, DRAM_LINES, COUNTERS };
static const char *const names[COUNTERS] = {
    "instructions", "loads", "stores", "simd", "dot_products", "port_cycles_16", "l1_refills", "dram_lines",
};
static uint64_t counters[COUNTERS]; /* where blocks are counted per processor, those of the caches alone */
static FILE *out;
static int cpu;
static bool marked; /* the caches are simulated from the first mark on */

/* ---- Instructions: fields as in the Arm Architecture Reference Manual, C4.1, A64 instruction set encoding ---- */

enum vector_kind { NO_VECTOR, DOT, FUSED_MULTIPLY, FLOAT, LONG_MULTIPLY, MULTIPLY, ADD_PAIRS, SHIFT, PLAIN };

struct kind {
    enum vector_kind vector;
    bool is_vector_form; /* not a scalar in a vector register */
    bool is_wide;        /* 128 bits */
    bool is_load, is_store;
    double words; /* 64 bits each, of a load or store */
};

static bool has(uint32_t word, uint32_t mask, uint32_t value) { return (word & mask) == value; }

static unsigned bits(uint32_t word, unsigned from, unsigned count) { return word >> from & ((1u << count) - 1); }

static enum vector_kind vector_kind(uint32_t word, bool vector) {
    unsigned three_same = bits(word, 11, 5), opcode = bits(word, 12, 4);
    bool by_element = has(word, 0x9f000400, 0x0f000000), same = has(word, 0x9f200400, 0x0e200400);
    bool different = has(word, 0x9f200c00, 0x0e200000);
    if (has(word, 0x9f20fc00, 0x0e009400) || has(word, 0x9f00f400, 0x0f00e000)) return DOT;
    if (has(word, 0xbf20fc00, 0x0e20cc00) || has(word, 0xbf80b400, 0x0f801000) || has(word, 0xff000000, 0x1f000000))
        return FUSED_MULTIPLY;
    if ((same && three_same >= 24) || has(word, 0xbf80f400, 0x0f809000)) return FLOAT;
    if (different && opcode >= 8 && opcode <= 14) return LONG_MULTIPLY;
    if (by_element && (opcode & 3) >= 2 && opcode < 12) return LONG_MULTIPLY;
    if (same && (three_same == 18 || three_same == 19 || three_same == 22)) return MULTIPLY;
    if (by_element && (opcode == 0 || opcode == 4 || opcode == 8 || opcode == 12 || opcode == 13)) return MULTIPLY;
    if (vector && has(word, 0x9f3ffc00, 0x0e206800)) return ADD_PAIRS;
    if (vector && has(word, 0x9f800400, 0x0f000400) && bits(word, 19, 4)) return SHIFT;
    return PLAIN;
}

static double structure_words(uint32_t word) {
    unsigned opcode = bits(word, 12, 4);
    unsigned registers = opcode == 7 ? 1 : opcode == 8 || opcode == 10 ? 2 : opcode == 4 || opcode == 6 ? 3 : 4;
    return bits(word, 24, 1) ? 1 : registers * (bits(word, 30, 1) ? 2 : 1);
}

static void memory_kind(uint32_t word, struct kind *kind) {
    bool vector = bits(word, 26, 1), to_register = bits(word, 22, 1);
    unsigned size = bits(word, 30, 2), opcode = bits(word, 22, 2);
    kind->words = 1;
    if (has(word, 0x3a000000, 0x28000000)) { /* pairs */
        kind->is_load = to_register;
        kind->is_store = !to_register;
        kind->words = vector ? (size == 2 ? 4 : size == 1 ? 2 : 1) : size == 2 ? 2 : 1;
    } else if (has(word, 0x3b000000, 0x18000000)) { /* literal */
        kind->is_load = true;
    } else if (has(word, 0x3a000000, 0x38000000)) { /* one register */
        kind->is_load = vector ? opcode & 1 : opcode != 0;
        kind->is_store = !kind->is_load;
        if (vector && opcode & 2) kind->words = 2;
        if (!vector && size == 3 && opcode == 2) kind->is_load = false; /* a prefetch */
    } else if (has(word, 0xbc000000, 0x0c000000)) { /* structures of vectors */
        kind->is_load = to_register;
        kind->is_store = !to_register;
        kind->words = structure_words(word);
    } else if (has(word, 0x3f000000, 0x08000000)) { /* exclusive and ordered */
        kind->is_load = to_register;
        kind->is_store = !to_register;
    }
}

static struct kind kind_of(uint32_t word) {
    struct kind kind = {0};
    unsigned group = bits(word, 25, 4);
    if ((group & 7) == 7) { /* vectors and floating point */
        kind.is_vector_form = has(word, 0x9e000000, 0x0e000000);
        kind.is_wide = kind.is_vector_form && bits(word, 30, 1);
        kind.vector = vector_kind(word, kind.is_vector_form);
    } else if ((group & 5) == 4) {
        memory_kind(word, &kind);
    }
    return kind;
}

/* ---- Ports: cycles that the busiest one needs for a block, from Arm's Software Optimization Guides ---- */

struct load { /* cycles on each port, summed over a block */
    double instructions, vector, both_f, f0, f1, v0, load, store, words, wide_words;
};

/* A72: two vector pipes F0 and F1; multiplications on F0 alone, shifts and pairwise additions on F1 alone;
 * a 128-bit operation in floating point takes both. A53: one 128-bit vector operation a cycle. */
static void add_vector(struct load *load, const struct kind *kind) {
    double width = kind->is_wide ? 1 : 0.5, all = kind->is_vector_form ? width : 0.5;
    load->vector += kind->vector == LONG_MULTIPLY || kind->vector == ADD_PAIRS ? 1 : all;
    switch (kind->vector) {
    case DOT: load->both_f += width; break;
    case FUSED_MULTIPLY: load->both_f += kind->is_vector_form ? 2 * width : 1; break;
    case FLOAT: load->both_f += 2 * width; break;
    case LONG_MULTIPLY: load->f0 += 1; load->v0 += 1; break;
    case MULTIPLY: load->f0 += 2 * width; load->v0 += 2 * width; break;
    case ADD_PAIRS: case SHIFT: load->f1 += 1; break;
    default: load->both_f += 1; break;
    }
}

static void add_memory(struct load *load, const struct kind *kind) {
    double halves = kind->words > 2 ? kind->words / 2 : 1; /* accesses of 128 bits */
    load->words += kind->words;
    if (kind->is_load) {
        load->load += halves;
        if (kind->words > 1) load->wide_words += kind->words;
    } else {
        load->store += halves;
    }
}

static double most(double a, double b) { return a > b ? a : b; }

static double bound(const struct load *load, double simd) {
    if (cpu == 53) /* two instructions a cycle; wide loads take the vector pipe's write port */
        return most(load->instructions / 2, most(load->vector + load->wide_words, load->words));
    if (cpu == 72) {
        double vectors = most((load->both_f + load->f0 + load->f1) / 2, most(load->f0, load->f1));
        return most(most(load->instructions / 3, vectors), most(load->load, load->store));
    }
    return most(most(load->instructions / 4, simd / 2), most(load->v0, most(load->load / 2, load->store)));
}

/* ---- Caches: least recently used out first, written back, no prefetch ---- */

struct cache {
    unsigned sets, ways;
    uint64_t *lines; /* in each set, the last used first: number of the line << 1 | whether it was written to */
};
static struct cache caches[3];
static int levels;
static uint64_t last_line = ~(uint64_t)0;

static void add_cache(unsigned kib, unsigned ways) {
    struct cache *cache = &caches[levels++];
    cache->ways = ways;
    cache->sets = (kib << 10) / (ways << LINE_BITS);
    cache->lines = calloc((size_t)cache->sets * ways, sizeof *cache->lines);
    if (!cache->lines) abort();
}

/* Returns whether the line was there; where not, `evicted` is what it pushed out, 0 for nothing. */
static bool look_up(struct cache *cache, uint64_t line, bool write, uint64_t *evicted) {
    uint64_t *set = cache->lines + (line & (cache->sets - 1)) * cache->ways, found = (line + 1) << 1;
    unsigned way = 0;
    while (way < cache->ways - 1 && set[way] >> 1 != found >> 1) way++;
    bool hit = set[way] >> 1 == found >> 1;
    *evicted = hit ? 0 : set[way];
    uint64_t entry = (hit ? set[way] : found) | write;
    memmove(set + 1, set, way * sizeof *set);
    set[0] = entry;
    return hit;
}

static void touch(int level, uint64_t line, bool write) {
    uint64_t evicted;
    if (look_up(&caches[level], line, write, &evicted)) return;
    bool last = level == levels - 1, dirty = evicted & 1;
    if (level == 0) counters[L1_REFILLS]++;
    if (last) {
        counters[DRAM_LINES] += 1 + dirty;
        return;
    }
    touch(level + 1, line, false);
    if (dirty) touch(level + 1, (evicted >> 1) - 1, true);
}

static void on_access(UNUSED unsigned vcpu, uint32_t info, uint64_t address, UNUSED void *data) {
    if (!marked) return;
    bool write = qemu_plugin_mem_is_store(info);
    uint64_t first = address >> LINE_BITS;
    uint64_t end = (address + (1u << qemu_plugin_mem_size_shift(info)) - 1) >> LINE_BITS;
    if (first != last_line || write) touch(0, first, write);
    if (end != first) touch(0, end, write);
    last_line = end;
}

/* ---- QEMU's side ---- */

#if API == 1
extern const void *qemu_plugin_insn_data(const struct instruction *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int add, void *, uint64_t);

static bool make_counters(void) { return true; }

static uint32_t word_of(const struct instruction *instruction) {
    uint32_t word;
    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    return word;
}

static void add_at(struct block *block, int counter, uint64_t value) {
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &counters[counter], value);
}

static uint64_t counted(int counter) { return counters[counter]; }
#else
struct scoreboard;
struct entry { /* by value, as QEMU takes it */
    struct scoreboard *board;
    size_t offset;
};
extern size_t qemu_plugin_insn_data(const struct instruction *, void *, size_t);
extern struct scoreboard *qemu_plugin_scoreboard_new(size_t);
extern uint64_t qemu_plugin_u64_sum(struct entry);
extern void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct block *, int add, struct entry, uint64_t);
static struct scoreboard *board;

static bool make_counters(void) { return (board = qemu_plugin_scoreboard_new(sizeof counters)); }

static struct entry entry(int counter) { return (struct entry){board, counter * sizeof *counters}; }

static uint32_t word_of(const struct instruction *instruction) {
    uint32_t word = 0;
    qemu_plugin_insn_data(instruction, &word, sizeof word);
    return word;
}

static void add_at(struct block *block, int counter, uint64_t value) {
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, 0, entry(counter), value);
}

static uint64_t counted(int counter) { return counters[counter] + qemu_plugin_u64_sum(entry(counter)); }
#endif

static void on_block(UNUSED plugin_id id, struct block *block) {
    uint64_t add[COUNTERS] = {0};
    struct load load = {0};
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct instruction *instruction = qemu_plugin_tb_get_insn(block, i);
        uint32_t word = word_of(instruction);
        struct kind kind = kind_of(word);
        bool memory = (bits(word, 25, 4) & 5) == 4;
        add[LOADS] += kind.is_load;
        add[STORES] += kind.is_store;
        add[SIMD] += kind.vector != NO_VECTOR;
        add[DOT_PRODUCTS] += kind.vector == DOT;
        if (kind.vector != NO_VECTOR) add_vector(&load, &kind);
        if (kind.is_load || kind.is_store) add_memory(&load, &kind);
        if (memory) qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READ_AND_WRITE, NULL);
    }
    add[INSTRUCTIONS] = count;
    load.instructions = count;
    add[PORT_CYCLES_16] = (uint64_t)(bound(&load, add[SIMD]) * 16 + 0.5);
    for (int i = 0; i < L1_REFILLS; i++)
        if (add[i]) add_at(block, i, add[i]);
}

static void on_syscall(UNUSED plugin_id id, UNUSED unsigned vcpu, int64_t number, uint64_t first, UNUSED uint64_t a2,
                       UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                       UNUSED uint64_t a7, UNUSED uint64_t a8) {
    if (number != GETPGID || first < MARK || first >= MARK + MARKS) return;
    fprintf(out, "mark %u", (unsigned)(first - MARK));
    for (int i = 0; i < COUNTERS; i++) fprintf(out, " %s %llu", names[i], (unsigned long long)counted(i));
    fputc('\n', out);
    fflush(out);
    marked = true;
}

EXPORT int qemu_plugin_install(plugin_id id, UNUSED const void *info, int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
        if (!strncmp(argv[i], "cpu=", 4)) cpu = atoi(argv[i] + 4);
    }
    if (!out || (cpu != 53 && cpu != 72 && cpu != 76) || !make_counters()) return 1;
    if (cpu == 53) add_cache(32, 4), add_cache(512, 16);
    if (cpu == 72) add_cache(32, 2), add_cache(1024, 16);
    if (cpu == 76) add_cache(64, 4), add_cache(512, 8), add_cache(2048, 16);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
