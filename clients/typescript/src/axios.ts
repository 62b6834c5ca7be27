/**
 * For apps that send their requests with axios.
 *
 * @packageDocumentation
 */
import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { answerOf, parse } from './answer.js';
import type { Latchkey } from './latchkey.js';
import type { Ticket } from './transport.js';

/** Travels with a request's configuration: axios copies plain objects, and leaves this one whole. */
class Luggage {
  used = false;
  /** In a function, so that nothing that prints a request finds a token in here. */
  readonly ticket: () => Ticket | undefined;

  constructor(ticket: Ticket | undefined) {
    this.ticket = () => ticket;
  }
}

type Config = InternalAxiosRequestConfig & { latchkey?: Luggage };

/**
 * Adds the access token to the requests of `instance`, refreshed ahead of its end, and
 * repeats a request once after a 401. Requests to other hosts pass as they are. What the
 * client itself throws is a `LatchkeyError`. Returns what takes it off again.
 */
export function attach(instance: AxiosInstance, latchkey: Latchkey): () => void {
  const { transport } = latchkey.inside();

  const asking = instance.interceptors.request.use(async (config: Config) => {
    let luggage = config.latchkey;
    if (luggage) {
      config.headers.delete('X-Session-Token'); // of the attempt before: it may be dead, and would win over an access token
    }
    if (!luggage || luggage.used) {
      const method = (config.method ?? 'get').toUpperCase();
      luggage = new Luggage(await transport.authorize(method, instance.getUri(config), signalOf(config)));
    }
    luggage.used = true;
    config.latchkey = luggage;
    config.headers.set({ ...luggage.ticket()?.headers });
    return config;
  });

  /** The answer to the request's repetition, where it is to be repeated. */
  const review = async (response: AxiosResponse): Promise<AxiosResponse | undefined> => {
    const config: Config = response.config;
    const ticket = config.latchkey?.ticket();
    if (!ticket) {
      return undefined;
    }
    const { data, headers, status } = response;
    const answer = answerOf(status, typeof data === 'string' ? parse(data) : data, (name) => headers[name.toLowerCase()] as string | undefined);
    const again = await transport.review(ticket, answer, signalOf(config));
    return again && instance.request({ ...config, latchkey: new Luggage(again) } as Config);
  };

  const answered = instance.interceptors.response.use(
    async (response) => (await review(response)) ?? response,
    async (error: { response?: AxiosResponse }) => {
      const repeated = error.response && (await review(error.response));
      if (repeated) {
        return repeated;
      }
      throw error;
    },
  );

  return () => {
    instance.interceptors.request.eject(asking);
    instance.interceptors.response.eject(answered);
  };
}

function signalOf(config: Config): AbortSignal | undefined {
  return config.signal as AbortSignal | undefined;
}
