# Keeps a primary and its standby for as long as its standard input is open, and does what is said there.
# $1: the directory of initdb, pg_basebackup, pg_ctl and postgres. Says "ready DIRECTORY", or why not.
cd /
trap '' INT HUP PIPE
dir=$(mktemp -d "${TMPDIR:-/tmp}/goodword-pair-XXXXXX") || exit 1
as=
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL refuses to run as root.
    chown postgres "$dir" || { echo "there is no user postgres"; rm -rf "$dir"; exit 1; }
    if command -v setpriv >/dev/null; then
        as="setpriv --reuid=postgres --regid=postgres --init-groups --"
    else
        as="runuser -u postgres --"
    fi
fi
bin=$1
# Where only some of the programs are linked to, the others are beside what the links lead to.
[ -x "$bin/pg_basebackup" ] || bin=$(dirname "$(readlink -f "$bin/pg_ctl")")
ctl() {
    name=$1
    shift
    $as "$bin/pg_ctl" -D "$dir/$name/data" "$@" >>"$dir/log" 2>&1 </dev/null
}
on_primary() {
    $as "$bin/psql" -h "$dir/one" -U postgres -d postgres -XAtqc "$1" 2>>"$dir/log" </dev/null
}
give_up() {
    cat "$dir/log" "$dir"/*/log
    end
    exit 1
}
end() {
    for one in ${frozen:-}; do
        kill -9 $(cat "/proc/$one/task/$one/children") "$one"
    done
    [ -z "${frozen:-}" ] || sleep 0.1
    for name in ${killed:-}; do
        # What it held in shared memory is given back by its next start, which must not take it for alive.
        rm -f "$dir/$name/data/postmaster.pid" "$dir/$name/.s.PGSQL.5432.lock"
        ctl "$name" -l "$dir/$name/log" -w start
    done
    ctl two -m immediate -w stop
    ctl one -m immediate -w stop
    rm -rf "$dir"
}
settings() {
    cat <<END
listen_addresses = ''
unix_socket_directories = '$dir/$1'
max_connections = 100
fsync = off
autovacuum = off
END
}
$as mkdir "$dir/one" "$dir/two" || exit 1
$as "$bin/initdb" -D "$dir/one/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$dir/log" 2>&1 </dev/null || give_up
settings one >>"$dir/one/data/postgresql.conf"
ctl one -l "$dir/one/log" -w start || give_up
# As in docs/scaling.md. -R writes how the standby follows.
$as "$bin/pg_basebackup" -d "host=$dir/one user=postgres application_name=two" -D "$dir/two/data" \
    -R -X stream -C -S two --checkpoint=fast --no-sync >>"$dir/log" 2>&1 </dev/null || give_up
settings two >>"$dir/two/data/postgresql.conf"
ctl two -l "$dir/two/log" -w start || give_up
# From now on a commit is answered once the standby has it, too.
on_primary "ALTER SYSTEM SET synchronous_standby_names = 'two'" && on_primary "SELECT pg_reload_conf()" >/dev/null || give_up
tries=0
until [ "$(on_primary "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || give_up
    sleep 0.1
done
echo "ready $dir"
while read -r command name; do
    case $command in
    kill)
        # Nothing is flushed and nobody is asked. What the server had started ends by itself.
        killed="${killed:-} $name"
        kill -9 "$(head -n 1 "$dir/$name/data/postmaster.pid")" && echo done || echo failed
        ;;
    freeze)
        # Like a machine that hangs: connections stay open and nobody answers.
        killed="${killed:-} $name"
        one=$(head -n 1 "$dir/$name/data/postmaster.pid")
        frozen="${frozen:-} $one"
        kill -STOP "$one" && stopped=done || stopped=failed
        # Some of them may end just now.
        kill -STOP $(cat "/proc/$one/task/$one/children") 2>>"$dir/log"
        echo $stopped
        ;;
    promote)
        ctl two -w promote && echo done || echo failed
        ;;
    esac
done
end
