/** A server that answers the SDK whatever a test says, and keeps what it was asked: for what the honest simulator never does. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, vi } from 'vitest';

export interface FakeEc2 {
  respond: (response: ServerResponse, parameters: URLSearchParams) => void;
  calls: URLSearchParams[];
}

/** One for each test of the file; the SDK finds it by AWS_ENDPOINT_URL. */
export function useFakeEc2(): FakeEc2 {
  const ec2: FakeEc2 = { respond: (response) => void response.end(), calls: [] };
  let server: Server;

  beforeEach(async () => {
    ec2.calls = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const parameters = new URLSearchParams(body);
        ec2.calls.push(parameters);
        ec2.respond(response, parameters);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  return ec2;
}

export function answerXml(response: ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': 'request-1' });
  response.end(`<?xml version="1.0"?>${xml}`);
}
