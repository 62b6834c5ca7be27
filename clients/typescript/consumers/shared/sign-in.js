// What each Jest preset must be able to run, without a line of configuration about the client.
import { createLatchkey } from '@latchkey-auth/client';
import { apiClient, listSessions } from '@latchkey-auth/client/api';
import { LatchkeyProvider, useSignIn } from '@latchkey-auth/client/react';
import { fakeServer, testStorage } from '@latchkey-auth/client/testing';
import { act, create } from 'react-test-renderer';
import { Text } from 'react-native';

const server = fakeServer({ user: { email: 'ada@example.com', display: 'Ada' } });
const latchkey = createLatchkey({ baseUrl: server.baseUrl, storage: testStorage(), fetch: server.fetch });

jest.setTimeout(60_000); // the first run compiles React Native

function Form() {
  const { run, data } = useSignIn();
  return <Text onPress={() => run({ email: 'ada@example.com', password: 'password' })}>{data ? data.user.display : 'nobody'}</Text>;
}

/** A component signs in at a fake server. */
export async function signsIn(secureStorage) {
  expect(secureStorage).toBeInstanceOf(Function);
  let screen;
  await act(async () => {
    screen = create(
      <LatchkeyProvider client={latchkey}>
        <Form />
      </LatchkeyProvider>,
    );
  });
  await act(async () => screen.root.findByType(Text).props.onPress());
  expect(screen.root.findByType(Text).props.children).toBe('Ada');

  server.expireAccessTokens();
  const { data } = await listSessions({ client: apiClient(latchkey) });
  expect(data.data).toHaveLength(1);
}
