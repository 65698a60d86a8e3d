/* Runs a program again and again while the words of each exec are changed behind the gate's back.
 * race MODE TRIES FOLDER: prints "ran=N killed=N refused=N fine=N".
 *
 * Evidence is what comes out of the program: EVIL from echo, uid= from id. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    volatile int stop;
    volatile char word[64];
    volatile char path[4096];
};

static struct shared *shared;
static volatile char word[64] = "GOOD";
static unsigned seed;
static char link_a[4200], link_b[4200];

static void rest(void) {
    seed = seed * 1103515245u + 12345u;
    for (volatile unsigned i = (seed >> 8) % 60000; i > 0; i--)
        ;
}

static void flip(volatile char *at) {
    at[0] = 'G', at[1] = 'O', at[2] = 'O', at[3] = 'D';
    rest();
    at[0] = 'E', at[1] = 'V', at[2] = 'I', at[3] = 'L';
    rest();
}

static void *flip_own_word(void *unused) {
    (void)unused;
    while (!shared->stop)
        flip(word);
    return NULL;
}

static int flip_own_word_as_process(void *unused) {
    flip_own_word(unused);
    _exit(0);
}

static void flip_forever(const char *mode, char *last) {
    for (;;) {
        if (!strcmp(mode, "shared")) {
            flip(shared->word);
        } else if (!strcmp(mode, "path")) {
            *last = 'a';
            rest();
            *last = 'b';
            rest();
        } else {
            syscall(SYS_renameat2, AT_FDCWD, link_a, AT_FDCWD, link_b, 2);
            rest();
        }
    }
}

static void run(const char *mode) {
    static char stack[65536];
    pthread_t thread;
    char *echo[] = {"echo", (char *)word, NULL};
    char *other[] = {"echo", (char *)shared->word, NULL};
    char *plain[] = {"x", NULL};
    if (!strcmp(mode, "thread")) {
        pthread_create(&thread, NULL, flip_own_word, NULL);
        rest();
        execve("/usr/bin/echo", echo, environ);
    } else if (!strcmp(mode, "vm")) {
        clone(flip_own_word_as_process, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
        rest();
        execve("/usr/bin/echo", echo, environ);
    } else if (!strcmp(mode, "shared")) {
        execve("/usr/bin/echo", other, environ);
    } else if (!strcmp(mode, "path")) {
        execve((char *)shared->path, plain, environ);
    } else {
        execve(link_a, plain, environ);
    }
    shared->stop = 1;
    _exit(errno == EACCES ? 99 : 98);
}

int main(int argc, char **argv) {
    const char *mode = argv[1];
    int tries = atoi(argv[2]);
    int ran = 0, killed = 0, refused = 0, fine = 0;
    pid_t flipper = 0;
    (void)argc;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy((char *)shared->word, "GOOD");
    snprintf((char *)shared->path, sizeof shared->path, "%s/a", argv[3]);
    snprintf(link_a, sizeof link_a, "%s/a", argv[3]);
    snprintf(link_b, sizeof link_b, "%s/b", argv[3]);
    if (strcmp(mode, "thread") && strcmp(mode, "vm")) {
        flipper = fork();
        if (flipper == 0)
            flip_forever(mode, (char *)shared->path + strlen((char *)shared->path) - 1);
    }
    for (int i = 0; i < tries; i++) {
        int out[2], status;
        char text[256];
        ssize_t got, all = 0;
        pid_t child;
        seed = i * 7919 + 17;
        shared->stop = 0;
        if (pipe(out))
            return 1;
        child = fork();
        if (child == 0) {
            dup2(out[1], 1);
            close(out[0]);
            close(out[1]);
            run(mode);
        }
        close(out[1]);
        waitpid(child, &status, 0);
        shared->stop = 1;
        while ((got = read(out[0], text + all, sizeof text - 1 - all)) > 0)
            all += got;
        text[all] = 0;
        close(out[0]);
        if (strstr(text, "EVIL") || strstr(text, "uid="))
            ran++;
        else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            killed++;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
            refused++;
        else
            fine++;
    }
    if (flipper)
        kill(flipper, SIGKILL);
    printf("ran=%d killed=%d refused=%d fine=%d\n", ran, killed, refused, fine);
    return 0;
}
