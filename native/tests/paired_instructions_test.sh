#!/bin/sh
# paired_instructions_test.sh OBJDUMP LIBRARY: which functions of libhornbeam.so have instructions of AVX512-BF16 and AMX.
# None outside the two builds of src/backend/cpu/paired may, and every function that uses tiles must load a
# configuration before the first and release it after the last of them.
set -eu
"$1" -d -C --no-show-raw-insn "$2" | awk '
    function fail(why) { print why ": " name; failed++ }
    function finish() {
        if (tiles > 0) {
            users++
            if (loaded == 0) fail("tiles are used without a configuration")
            if (loaded > 0 && loaded > first_tile) fail("tiles are used before the configuration is loaded")
            if (released == 0) fail("tiles are not released")
        }
        tiles = loaded = released = first_tile = 0
    }
    /^[0-9a-f]+ <.*>:$/ {
        finish()
        name = $0
        amx = name ~ /hb::cpu::amx::/
        pairs = amx || name ~ /hb::cpu::avx512_bf16::/
        next
    }
    $2 ~ /^(tile|tdp|ldtilecfg|sttilecfg)/ {
        if (!amx) fail("an instruction of AMX (" $2 ")")
        if ($2 == "ldtilecfg") { if (!loaded) loaded = NR }
        else if ($2 == "tilerelease") released = NR
        else { tiles++; if (!first_tile) first_tile = NR }
        if ($2 == "tdpbf16ps") products++
    }
    $2 ~ /^(vdpbf16ps|vcvtne2?ps2bf16)/ {
        if (!pairs) fail("an instruction of AVX512-BF16 (" $2 ")")
        if ($2 == "vdpbf16ps") dots++
    }
    /%zmm|%k[0-7]/ { if (name !~ /avx512|hb::cpu::amx::/) wide[name]++ }
    END {
        finish()
        # Where it is asked for by name, as in a measurement of the peak, a function says so itself.
        for (name in wide)
            if (name ~ /hb::/ && name !~ /_avx512/) fail("an instruction of AVX-512")
        if (!products || !dots) { print "the products in bf16 are missing"; failed++ }
        printf "%d functions use tiles: %d TDPBF16PS; %d VDPBF16PS; %d failed\n", users, products, dots, failed
        exit failed > 0
    }'
