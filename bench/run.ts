/** `npm run bench`: every benchmark in turn, each in a process of its own; `npm run bench -- hook` runs the named ones. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const benches = ['hook', 'hostlist', 'resume', 'pass', 'turns'];

const named = process.argv.slice(2);
const unknown = named.filter((name) => !benches.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are: ${benches.join(', ')}\n`);
  process.exitCode = 2;
} else {
  for (const name of named.length > 0 ? named : benches) {
    const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`)], {
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
}
