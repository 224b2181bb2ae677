// switch_x86_64.S: leave one stack, enter another. System V psABI.
//
// Problem.   Only assembly can change the stack pointer between a push and a pop.
// Rejected.  Inline assembly with a clobber list: compilers disagree about rbp and rbx in it, and its unwind information is wrong in
//            the middle. `ret` at the end: the return predictor expects the stack that was left and is wrong each time (15 ns a
//            switch; an indirect jump: 5.5). Comparing mxcsr to skip its load: reading back what stmxcsr just stored is slower than
//            ldmxcsr (7.0 against 5.5). For the x87 word comparing wins (5.5 against 5.7). Zen 4, GCC 12.
// Recipe.    Push what the ABI says a call preserves, exchange rsp, pop. To the unwinder both stacks look alike here (same offsets,
//            saved_frame.hpp), so one CFI row holds on both sides of the exchange.
//            The red zone needs no care: this is a call, and the caller of a call has none.
// Fields.    the frame below rsp is struct saved_frame.
// Not promised: shadow stacks, IBT landing pads.

#if defined(__x86_64__)

        .text

// context* retake_floor_switch(void** save [rdi], void* load [rsi], context* leaving [rdx])
        .globl  retake_floor_switch
        .hidden retake_floor_switch
        .type   retake_floor_switch, @function
        .p2align 6
retake_floor_switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)

        movzwl  4(%rsp), %ecx           // my x87 control, to compare with his
        movq    %rsp, (%rdi)            // from here on `from` is suspended
        movq    %rsi, %rsp              // and we are `to`

        ldmxcsr (%rsp)
        cmpw    4(%rsp), %cx
        jne     .Lload_x87
.Lx87_right:
        addq    $8, %rsp
        .cfi_remember_state
        .cfi_adjust_cfa_offset -8
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        movq    %rdx, %rax              // who left, for the annotations
        jmp     *%rcx

        .cfi_restore_state
.Lload_x87:
        fldcw   4(%rsp)
        jmp     .Lx87_right
        .cfi_endproc
        .size   retake_floor_switch, . - retake_floor_switch

// The first frame of every stack; "returned" into behind the nop with rax = previous, r12 = self, r13 = entry, r14 = argument.
// rsp is a multiple of 16 here, as before any call. Nothing is above: the return address is undefined, and unwinding ends.
        .globl  retake_floor_start
        .hidden retake_floor_start
        .type   retake_floor_start, @function
        .p2align 4
retake_floor_start:
        .cfi_startproc
        .cfi_undefined %rip
        nop
        movq    %rax, %rdi
        movq    %r12, %rsi
        movq    %r13, %rdx
        movq    %r14, %rcx
        call    retake_floor_begin
        ud2
        .cfi_endproc
        .size   retake_floor_start, . - retake_floor_start

// void retake_floor_call(void* top [rdi], void (*fn)(void*) [rsi], void* argument [rdx])
// rbp stays on the old stack and is the CFA's base, so unwinding walks from the visited stack back to this one.
// .cfi_signal_frame is for gdb, which otherwise takes a step from a higher stack to a lower one for a corrupt stack and stops; it
// shows this frame as <signal handler called>.
        .globl  retake_floor_call
        .hidden retake_floor_call
        .type   retake_floor_call, @function
        .p2align 4
retake_floor_call:
        .cfi_startproc
        .cfi_signal_frame
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   retake_floor_call, . - retake_floor_call

// int retake_floor_guarded(void** save [rdi], void (*fn)(void*) [rsi], void* argument [rdx])
// 0 when fn has returned. retake_floor_landing is where a signal handler's return, or retake_floor_give_up, comes in: rsp = *save, nothing else is known.
        .globl  retake_floor_guarded
        .hidden retake_floor_guarded
        .type   retake_floor_guarded, @function
        .globl  retake_floor_landing
        .hidden retake_floor_landing
        .p2align 4
retake_floor_guarded:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)
        movq    %rdx, %rdi
        call    *%rsi
        xorl    %eax, %eax
.Lguarded_out:
        addq    $8, %rsp
        .cfi_remember_state
        .cfi_adjust_cfa_offset -8
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_restore_state
retake_floor_landing:
        cld
        fninit                          // what was on the x87 stack is given up too
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        movl    $1, %eax
        jmp     .Lguarded_out
        .cfi_endproc
        .size   retake_floor_guarded, . - retake_floor_guarded

// [[noreturn]] void retake_floor_give_up(void* stack_pointer [rdi])
        .globl  retake_floor_give_up
        .hidden retake_floor_give_up
        .type   retake_floor_give_up, @function
        .p2align 4
retake_floor_give_up:
        .cfi_startproc
        movq    %rdi, %rsp
        jmp     retake_floor_landing
        .cfi_endproc
        .size   retake_floor_give_up, . - retake_floor_give_up

#endif

        .section .note.GNU-stack, "", @progbits
