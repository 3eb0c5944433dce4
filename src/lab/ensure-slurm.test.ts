import { expect, test } from 'vitest';
import { ensureSlurm, isDebianLike } from './ensure-slurm.ts';
import { missingPrograms } from './slurm-programs.ts';

test('Slurm is for root alone, installed or not: others get the model, and are told why', async () => {
  const found = await ensureSlurm({
    allowInstall: false,
    env: {},
    uid: 1000,
    announce: () => expect.unreachable('nothing is installed'),
  });
  expect(found).toMatchObject({ kind: 'model', why: expect.stringMatching(/^Slurm is .*\.$/) });
  if (found.kind === 'model' && missingPrograms().length === 0)
    expect(found.why).toContain('needs root to run it: you are user 1000.');
});

const systems = new Map<string, [osRelease: string, want: boolean]>([
  ['Debian', ['PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', true]],
  ['Ubuntu', ['ID=ubuntu\nID_LIKE=debian\n', true]],
  ['Mint', ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', true]],
  ['Rocky', ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', false]],
  ['one that only speaks of Debian', ['ID=arch\nHOME_URL="https://debian.example"\n', false]],
  ['none', ['', false]],
]);

test.each([...systems])('%s', (_, [osRelease, want]) => {
  expect(isDebianLike(osRelease)).toBe(want);
});
