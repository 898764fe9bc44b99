/** A real HTTP server on loopback for tests, and the document moved to its origin. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export class TestServer {
  readonly asked: Asked[] = [];
  private server: Server | null = null;
  private port = 0;

  constructor(private readonly answer: Answer) {}

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        const asked = { method, url, headers, body: Buffer.concat(parts).toString() };
        this.asked.push(asked);
        this.answer(asked, response);
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    const { happyDOM } = globalThis as { happyDOM?: { setURL(url: string): void } };
    if (happyDOM) happyDOM.setURL(`${this.origin}/`);
    else Object.assign(globalThis, { location: new URL(this.origin) }); // a test in Node alone, with Node's own fetch
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((done) => this.server?.close(done));
  }
}

/** Answer JSON; an error as RFC 9457 has it. */
export function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "Content-Type": type, ...headers });
  response.end(JSON.stringify(value));
}

/** Wait until `check` is true; raises after eight seconds. */
export async function until(check: () => unknown, what = String(check)): Promise<void> {
  const end = Date.now() + 8000;
  while (!check()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
