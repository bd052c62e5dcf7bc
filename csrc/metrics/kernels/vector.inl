#pragma once

// Vectors of the machine's own width, spelt with compiler extensions so that one source serves
// every instruction set. kW doubles or kF floats to a vector; sums always run over 8 lanes,
// whatever the width: element i of a block goes to lane i % 8.

// TRUENESS_ANY_CPU_W8 gives the widest vectors to a CPU without them, so that a test can run there
// what AVX-512 machines run.
#if defined(__AVX512F__) || defined(TRUENESS_ANY_CPU_W8)
#define TRUENESS_W 8
#define TRUENESS_LOW 0, 1, 2, 3, 4, 5, 6, 7
#define TRUENESS_HIGH 8, 9, 10, 11, 12, 13, 14, 15
#elif defined(__AVX2__)
#define TRUENESS_W 4
#define TRUENESS_LOW 0, 1, 2, 3
#define TRUENESS_HIGH 4, 5, 6, 7
#else
#define TRUENESS_W 2
#define TRUENESS_LOW 0, 1
#define TRUENESS_HIGH 2, 3
#endif

constexpr std::size_t kW = TRUENESS_W;
constexpr std::size_t kF = 2 * kW;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kParts = kLanes / kW;
constexpr std::size_t kStrip = 512;  // elements of which all passes are made while they are near
constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kGroup = 32;  // elements that are reduced together before they are widened

typedef double Vd __attribute__((vector_size(kW * 8)));
typedef std::int64_t Vl __attribute__((vector_size(kW * 8)));
typedef float Vh __attribute__((vector_size(kW * 4)));
typedef float Vf __attribute__((vector_size(kW * 8)));
typedef std::int32_t Vi __attribute__((vector_size(kW * 8)));
typedef std::uint32_t Vu __attribute__((vector_size(kW * 8)));
typedef std::uint64_t Vul __attribute__((vector_size(kW * 8)));

template <class V, class T>
inline V load(const T* from) {
    V v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

template <class V, class T>
inline void store(T* to, const V& v) {
    __builtin_memcpy(to, &v, sizeof v);
}

// GCC would rather load a value again than hold it, which costs where loads are what limits.
inline Vf held(Vf v) {
#if defined(__AVX2__) && !defined(TRUENESS_ANY_CPU_W8)
    __asm__("" : "+x"(v));
#endif
    return v;
}

inline Vh low(Vf v) { return __builtin_shufflevector(v, v, TRUENESS_LOW); }
inline Vh high(Vf v) { return __builtin_shufflevector(v, v, TRUENESS_HIGH); }

// GCC 12 splits the generic conversion into halves; the builtins name the one instruction.
inline Vd widen(Vh h) {
#if defined(__clang__) || !defined(__x86_64__) || defined(TRUENESS_ANY_CPU_W8)
    return __builtin_convertvector(h, Vd);
#elif defined(__AVX512F__)
    return __builtin_ia32_cvtps2pd512_mask(h, Vd{}, static_cast<unsigned char>(-1), 4);
#elif defined(__AVX2__)
    return __builtin_ia32_cvtps2pd256(h);
#else
    typedef float Quad __attribute__((vector_size(16)));
    return __builtin_ia32_cvtps2pd(Quad{h[0], h[1], 0, 0});
#endif
}

inline Vd load_wide(const float* from) { return widen(load<Vh>(from)); }
inline Vd load_wide(const double* from) { return load<Vd>(from); }

inline Vd splat(double x) { return Vd{} + x; }
inline Vf splat(float x) { return Vf{} + x; }
inline Vd absolute(Vd v) { return (Vd)((Vl)v & std::int64_t{0x7fffffffffffffff}); }
inline Vf absolute(Vf v) { return (Vf)((Vi)v & 0x7fffffff); }
template <class V>
inline V larger(V a, V b) {
    return a > b ? a : b;
}
template <class V>
inline V smaller(V a, V b) {
    return a < b ? a : b;
}

inline std::uint64_t larger_of(std::uint64_t a, std::uint64_t b) { return a > b ? a : b; }

// a * b + c where a * b is exact in double, as it is for products of two floats: fused or not,
// the rounding is the same, so here the instruction may be used where there is one.
inline Vd add_exact_product(Vd a, Vd b, Vd c) {
#if defined(__AVX512F__) && !defined(__clang__)
    return __builtin_ia32_vfmaddpd512_mask(a, b, c, static_cast<unsigned char>(-1), 4);
#elif defined(__FMA__) && !defined(__clang__)
    return __builtin_ia32_vfmaddpd256(a, b, c);
#else
    return c + a * b;
#endif
}

// Sum of eight lanes, always in this order.
inline double sum_lanes(const double* lane) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

template <class V, class T>
inline T largest(V v, T floor) {
    for (std::size_t i = 0; i < sizeof(V) / sizeof(T); ++i) floor = v[i] > floor ? v[i] : floor;
    return floor;
}

template <class V, class T>
inline T smallest(V v, T ceiling) {
    for (std::size_t i = 0; i < sizeof(V) / sizeof(T); ++i)
        ceiling = v[i] < ceiling ? v[i] : ceiling;
    return ceiling;
}
