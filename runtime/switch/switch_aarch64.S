// switch_aarch64.S: leave one stack, enter another. AAPCS64.
//
// Problem.   Only assembly can change the stack pointer between a store and a load.
// Rejected.  See switch_x86_64.S. Writing fpcr always: it drains the pipeline on many cores, and the values nearly always agree.
// Recipe.    Store what the ABI says a call preserves (x19..x30, the low halves of v8..v15, fpcr), exchange sp, load. Offsets are
//            those of struct saved_frame; one CFI row holds on both sides of the exchange.
// Fields.    the frame at sp is struct saved_frame.
// Not promised: pointer authentication of the forged frame, GCS, SVE and SME state (volatile or streaming: not ours across a call).

#if defined(__aarch64__)

        .text

// context* retake_floor_switch(void** save [x0], void* load [x1], context* leaving [x2])
        .globl  retake_floor_switch
        .hidden retake_floor_switch
        .type   retake_floor_switch, %function
        .p2align 6
retake_floor_switch:
        .cfi_startproc
        sub     sp, sp, #176
        .cfi_def_cfa_offset 176
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8,  d9,  [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .cfi_offset x19, -176
        .cfi_offset x20, -168
        .cfi_offset x21, -160
        .cfi_offset x22, -152
        .cfi_offset x23, -144
        .cfi_offset x24, -136
        .cfi_offset x25, -128
        .cfi_offset x26, -120
        .cfi_offset x27, -112
        .cfi_offset x28, -104
        .cfi_offset x29, -96
        .cfi_offset x30, -88
        .cfi_offset d8, -80
        .cfi_offset d9, -72
        .cfi_offset d10, -64
        .cfi_offset d11, -56
        .cfi_offset d12, -48
        .cfi_offset d13, -40
        .cfi_offset d14, -32
        .cfi_offset d15, -24
        mrs     x9, fpcr
        str     x9, [sp, #160]

        mov     x10, sp
        str     x10, [x0]               // from here on `from` is suspended
        mov     sp, x1                  // and we are `to`

        ldr     x10, [sp, #160]
        cmp     x9, x10
        b.eq    1f
        msr     fpcr, x10
1:      ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8,  d9,  [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #176
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore d8
        .cfi_restore d9
        .cfi_restore d10
        .cfi_restore d11
        .cfi_restore d12
        .cfi_restore d13
        .cfi_restore d14
        .cfi_restore d15
        mov     x0, x2                  // who left, for the annotations
        ret
        .cfi_endproc
        .size   retake_floor_switch, . - retake_floor_switch

// The first frame of every stack; "returned" into behind the nop with x0 = previous, x19 = self, x20 = entry, x21 = argument.
// Nothing is above: the return address is undefined, and unwinding ends.
        .globl  retake_floor_start
        .hidden retake_floor_start
        .type   retake_floor_start, %function
        .p2align 4
retake_floor_start:
        .cfi_startproc
        .cfi_undefined x30
        nop
        mov     x1, x19
        mov     x2, x20
        mov     x3, x21
        bl      retake_floor_begin
        brk     #1
        .cfi_endproc
        .size   retake_floor_start, . - retake_floor_start

// void retake_floor_call(void* top [x0], void (*fn)(void*) [x1], void* argument [x2])
// x29 stays on the old stack and is the CFA's base, so unwinding walks from the visited stack back to this one.
// .cfi_signal_frame: see switch_x86_64.S.
        .globl  retake_floor_call
        .hidden retake_floor_call
        .type   retake_floor_call, %function
        .p2align 4
retake_floor_call:
        .cfi_startproc
        .cfi_signal_frame
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        .cfi_def_cfa x29, 16
        mov     sp, x0
        mov     x0, x2
        blr     x1
        mov     sp, x29
        .cfi_def_cfa sp, 16
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa_offset 0
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_endproc
        .size   retake_floor_call, . - retake_floor_call

// int retake_floor_guarded(void** save [x0], void (*fn)(void*) [x1], void* argument [x2])
// 0 when fn has returned. retake_floor_landing is where a signal handler's return, or retake_floor_give_up, comes in: sp = *save, nothing else is known.
        .globl  retake_floor_guarded
        .hidden retake_floor_guarded
        .type   retake_floor_guarded, %function
        .globl  retake_floor_landing
        .hidden retake_floor_landing
        .p2align 4
retake_floor_guarded:
        .cfi_startproc
        sub     sp, sp, #176
        .cfi_def_cfa_offset 176
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8,  d9,  [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .cfi_offset x19, -176
        .cfi_offset x20, -168
        .cfi_offset x21, -160
        .cfi_offset x22, -152
        .cfi_offset x23, -144
        .cfi_offset x24, -136
        .cfi_offset x25, -128
        .cfi_offset x26, -120
        .cfi_offset x27, -112
        .cfi_offset x28, -104
        .cfi_offset x29, -96
        .cfi_offset x30, -88
        .cfi_offset d8, -80
        .cfi_offset d9, -72
        .cfi_offset d10, -64
        .cfi_offset d11, -56
        .cfi_offset d12, -48
        .cfi_offset d13, -40
        .cfi_offset d14, -32
        .cfi_offset d15, -24
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]
        mov     x0, x2
        blr     x1
        mov     x0, #0
2:
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8,  d9,  [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #176
        .cfi_remember_state
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore d8
        .cfi_restore d9
        .cfi_restore d10
        .cfi_restore d11
        .cfi_restore d12
        .cfi_restore d13
        .cfi_restore d14
        .cfi_restore d15
        ret
        .cfi_restore_state
retake_floor_landing:
        ldr     x9, [sp, #160]
        msr     fpcr, x9
        mov     x0, #1
        b       2b
        .cfi_endproc
        .size   retake_floor_guarded, . - retake_floor_guarded

// [[noreturn]] void retake_floor_give_up(void* stack_pointer [x0])
        .globl  retake_floor_give_up
        .hidden retake_floor_give_up
        .type   retake_floor_give_up, %function
        .p2align 4
retake_floor_give_up:
        .cfi_startproc
        mov     sp, x0
        b       retake_floor_landing
        .cfi_endproc
        .size   retake_floor_give_up, . - retake_floor_give_up

#endif

        .section .note.GNU-stack, "", %progbits
