import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePorts, parsePorts, portsInUse } from './ports-free.ts';

test('a run of ports avoids every port in use', () => {
  const used = new Set([10_005, 10_020, 10_021, 10_050]);
  const first = findFreePorts(25, used);
  expect(first).toBe(10_022);
});

test('where there are none it says how many were wanted', () => {
  const all = new Set(Array.from({ length: 65_536 }, (_, port) => port));
  expect(() => findFreePorts(201, all)).toThrow('201 free TCP ports');
  expect(() => findFreePorts(60_000, new Set())).toThrow('60000 ports');
});

test('the local ports are read from a table of the kernel', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:A3F1 0100007F:2710 01 00000000:00000000 00:00000000 00000000     0
`;
  expect(parsePorts(table)).toEqual([10_000, 41_969]);
});

test('a port that somebody listens on is in use', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(portsInUse().has(port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
