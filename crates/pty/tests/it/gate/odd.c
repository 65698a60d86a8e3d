/* odd WAY PROGRAM: program starts that are not a plain execve of the main thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *path;
static char *words[] = {"odd-start", "hello", NULL};

static void *start(void *unused) {
    (void)unused;
    execve(path, words, environ);
    printf("errno=%d\n", errno);
    fflush(stdout);
    _exit(1);
}

int main(int argc, char **argv) {
    pthread_t thread;
    int fd;
    (void)argc;
    path = argv[2];
    if (!strcmp(argv[1], "thread")) {
        pthread_create(&thread, NULL, start, NULL);
        for (;;)
            pause();
    } else if (!strcmp(argv[1], "two-threads")) {
        /* Both are asked about; one of them wins. */
        pthread_create(&thread, NULL, start, NULL);
        start(NULL);
    } else if (!strcmp(argv[1], "question")) {
        /* AT_EXECVE_CHECK: may it be run? */
        long may = syscall(SYS_execveat, AT_FDCWD, path, words, environ, 0x10000);
        printf("may=%ld errno=%d\n", may, may ? errno : 0);
    } else if (!strcmp(argv[1], "descriptor")) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
        printf("errno=%d\n", errno);
    } else if (!strcmp(argv[1], "pointers")) {
        syscall(SYS_execve, path, (char **)16, environ);
        printf("errno=%d\n", errno);
    }
    return 0;
}
