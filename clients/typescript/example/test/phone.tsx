import { fakeServer, type FakeServer, type FakeServerOptions } from '@latchkey-auth/client/testing';
import type { ComponentType } from 'react';
import { Text, TextInput } from 'react-native';
import { act, create, type ReactTestInstance, type ReactTestRenderer } from 'react-test-renderer';
import { App } from '../src/App';
import { latchkey } from '../src/latchkey';

/** The app on a phone without a screen, at a fake server. */
export class Phone {
  private constructor(
    readonly server: FakeServer,
    private readonly drawn: ReactTestRenderer,
  ) {}

  /** Opens the app. The session of a test before is gone. */
  static async open(options: FakeServerOptions = {}): Promise<Phone> {
    return Phone.at(fakeServer({ baseUrl: latchkey.baseUrl, ...options }));
  }

  /** Opens the app at a server that there is already. */
  static async at(server: FakeServer): Promise<Phone> {
    globalThis.fetch = server.fetch;
    let drawn: ReactTestRenderer | undefined;
    await act(async () => {
      drawn = create(<App />);
    });
    await settled();

    return new Phone(server, drawn as ReactTestRenderer);
  }

  async close(): Promise<void> {
    await act(async () => {
      await (await latchkey.signOut()).revoked;
      this.drawn.unmount();
    });
  }

  /** All that is written on the screen. */
  get text(): string {
    return this.all(Text).flatMap(({ props }) => props.children as unknown).filter((child) => typeof child === 'string').join('\n');
  }

  async fill(label: string, text: string): Promise<void> {
    const field = this.all(TextInput).find(({ props }) => props.accessibilityLabel === label);
    await act(async () => field?.props.onChangeText(text));
  }

  async tap(label: string): Promise<void> {
    const button = this.drawn.root.findAll(({ props }) => props.accessibilityLabel === label && typeof props.onPress === 'function')[0];
    if (!button) {
      throw new Error(`no button "${label}" on:\n${this.text}`);
    }
    await act(async () => button.props.onPress());
    await settled();
  }

  all<Props>(component: ComponentType<Props>): ReactTestInstance[] {
    return this.drawn.root.findAllByType(component as ComponentType);
  }
}

/** Lets everything that is on its way arrive and be drawn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await act(async () => new Promise<void>((done) => setImmediate(done)));
  }
}
