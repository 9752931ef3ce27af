/* Built against an installed libtrunkline: the header, the linking and the loading work. */
#include <stdio.h>
#include <trunkline.h>

int main(void) {
    printf("trunkline, ABI %u\n", (unsigned)trunk_abi_version());
    return 0;
}
