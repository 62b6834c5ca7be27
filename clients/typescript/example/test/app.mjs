import assert from 'node:assert/strict';
import { join } from 'node:path';

/** The app in a browser, as a person sees it. */
export class App {
  constructor(page, pictures) {
    this.page = page;
    this.pictures = pictures;
  }

  /** Waits for the screen with this title. All that can be operated on it must have a name for screen readers. */
  async shows(title) {
    await this.page.getByRole('heading', { name: title, exact: true }).waitFor();
    const nameless = await this.page.evaluate(() =>
      [...document.querySelectorAll('[role=button], button, input, a')].filter((it) => !it.getAttribute('aria-label')).map((it) => it.outerHTML.slice(0, 200)),
    );
    assert.deepEqual(nameless, [], `controls without a name on "${title}"`);
  }

  /** Waits for a sentence. */
  async says(text) {
    await this.page.getByText(text).first().waitFor();
  }

  /** Waits for a problem at the field that it speaks of. */
  async complainsAt(label, text) {
    const field = this.page.getByLabel(label, { exact: true }).locator('xpath=../..');
    await field.getByRole('alert').filter({ hasText: text }).waitFor();
  }

  async fill(label, text) {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  async tap(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** Tells a service who the person is, in the window that a tap on `name` opens. Nobody closes it. */
  async asks(name, person) {
    const [other] = await Promise.all([this.page.waitForEvent('popup'), this.tap(name)]);
    await other.getByRole('heading', { name: /^Sign in with a fake/ }).waitFor();
    if (!person) {
      await other.close();
      return;
    }
    await other.getByLabel('Email address').fill(person.email ?? '');
    await other.getByLabel("The provider's id for you (optional)").fill(person.id ?? '');
    const closed = other.waitForEvent('close');
    await other.getByRole('button', { name: 'Continue' }).click();
    await closed;
  }

  /** The lines that are shown to be written down. */
  async secrets(label) {
    const lines = this.page.getByLabel(label, { exact: true }).getByTestId('secret');
    await lines.first().waitFor();
    return lines.allTextContents();
  }

  /** A picture of the screen as it is, in the light or dark scheme. */
  async picture(name, scheme = 'light') {
    await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await this.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await this.page.screenshot({ path: join(this.pictures, `${name}-${scheme}.png`), animations: 'disabled' });
    await this.page.emulateMedia({ colorScheme: 'light' });
  }
}
