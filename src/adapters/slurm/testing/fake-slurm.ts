/**
 * Programs that stand for Slurm's in tests of the adapter: they keep what they are asked and print what a test put there.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scheduler } from '../../../ports/scheduler.ts';
import { createScontrol } from '../scontrol.ts';

/**
 * Keeps its arguments; prints the file `rows`, in which a vertical bar stands for the word that ends a field, or for
 * `--json` the file `json`, or its version; fails with what is in `refusal`.
 */
const fakeSqueue = `#!/bin/sh
here=\${0%/*}
{ printf '%s\\n' "\${0##*/}" "$@"; echo; } >>"$here/calls"
[ "$1" = --version ] && { echo "slurm-wlm $(cat "$here/version")"; exit 0; }
if [ "$1" = --json ]; then
  [ -e "$here/no-json" ] && { echo 'squeue: fatal: JSON plugin load failure' >&2; exit 1; }
  cat "$here/json"; exit 0
fi
if [ -e "$here/refusal" ]; then cat "$here/refusal" >&2; exit 1; fi
for last; do :; done
end=\${last##*:}
sed "s/|/$end/g" "$here/rows"
`;

/** Keeps its arguments; prints the file `nodes`, with the same bars as `rows`; fails with what is in `refusal`. */
const fakeSinfo = `#!/bin/sh
here=\${0%/*}
{ printf '%s\\n' "\${0##*/}" "$@"; echo; } >>"$here/calls"
if [ -e "$here/refusal" ]; then cat "$here/refusal" >&2; exit 1; fi
for last; do :; done
end=\${last##*:}
sed "s/|/$end/g" "$here/nodes"
`;

const fakeScontrol = `#!/bin/sh
here=\${0%/*}
{ printf '%s\\n' "\${0##*/}" "TZ=$TZ" "$@"; echo; } >>"$here/calls"
[ "$1" = hold ] && [ -e "$here/no-hold" ] && { echo 'Access/permission denied for job 7' >&2; exit 1; }
[ "$1" = show ] && cat "$here/config"
if [ -e "$here/told" ]; then
  case $* in *,*) cat "$here/told" >&2; exit 1 ;; esac
  [ -e "$here/bad" ] && case $* in *"$(cat "$here/bad")"*) echo "odd" >&2; exit 1 ;; esac
fi
exit 0
`;

export interface FakeSlurm {
  readonly slurm: Scheduler;
  /**
   * Writes a file that the programs read: `rows`, `json`, `no-json`, `version`, `refusal`, `nodes`, `config`, `no-hold`;
   * `told`, what scontrol says when it fails with a list, and `bad`, with whose text in it it fails without.
   */
  put(name: string, text: string): void;
  drop(name: string): void;
  /** The calls, or those of one program, each its name and its arguments. */
  calls(program?: string): string[][];
  close(): void;
}

export function openFakeSlurm(options: { timeoutMs?: number } = {}): FakeSlurm {
  const dir = mkdtempSync(join(tmpdir(), 'muster-fake-slurm-'));
  const put = (name: string, text: string): void => writeFileSync(join(dir, name), text);
  for (const [name, text] of [
    ['squeue', fakeSqueue],
    ['sinfo', fakeSinfo],
    ['scontrol', fakeScontrol],
  ] as const) {
    put(name, text);
    chmodSync(join(dir, name), 0o755);
  }
  put('calls', '');
  put('rows', '');
  put('version', '22.05.8');
  return {
    slurm: createScontrol({ scontrol: join(dir, 'scontrol'), slurmConf: null, ...options }),
    put,
    drop: (name) => rmSync(join(dir, name)),
    calls: (program) =>
      readFileSync(join(dir, 'calls'), 'utf8')
        .split('\n\n')
        .filter((call) => call !== '')
        .map((call) => call.split('\n'))
        .filter(([name]) => program === undefined || name === program),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}
