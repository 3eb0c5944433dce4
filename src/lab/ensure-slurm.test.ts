import { expect, test } from 'vitest';
import { isDebianLike } from './ensure-slurm.ts';

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
