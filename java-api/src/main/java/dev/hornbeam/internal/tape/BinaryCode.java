package dev.hornbeam.internal.tape;

/** Numbers of the binary ops in the C ABI that gradients are made of. */
public final class BinaryCode {
    public static final int ADD = 0;
    public static final int SUB = 1;
    public static final int MUL = 2;
    public static final int DIV = 3;
    public static final int MAX = 4;
    public static final int MIN = 5;
    public static final int EQ = 6;
    public static final int NE = 7;
    public static final int LT = 8;
    public static final int LE = 9;
    public static final int GT = 10;
    public static final int GE = 11;

    private BinaryCode() {}
}
