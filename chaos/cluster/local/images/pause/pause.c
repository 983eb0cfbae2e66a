/* pause: the process that holds a pod's namespaces. It reaps what is left to it and ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGCHLD);
    /* Blocked and waited for: as process 1 it would not even get a signal that it neither blocks nor handles. */
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    for (;;) {
        int got;
        if (sigwait(&awaited, &got) != 0)
            return EXIT_FAILURE;
        if (got != SIGCHLD)
            return EXIT_SUCCESS;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    }
}
