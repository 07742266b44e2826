/** Characters of the GSM alphabet, which an SMS carries in seven bits; the second set costs two places each. */
const basic = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const extended = new Set("^{}\\[~]|€\f");

export type SmsSize = { encoding: "gsm7" | "ucs2"; length: number; segments: number };

/**
 * How long a text is as an SMS, by 3GPP TS 23.038: one foreign character makes all of it cost twice. Merge fields count as they
 * are written; what they become is known only when it is sent.
 */
export function measureSms(text: string): SmsSize {
  const characters = Array.from(text);
  const isGsm = characters.every((character) => basic.has(character) || extended.has(character));
  if (isGsm) {
    const length = characters.reduce((sum, character) => sum + (extended.has(character) ? 2 : 1), 0);
    return { encoding: "gsm7", length, segments: length <= 160 ? 1 : Math.ceil(length / 153) };
  }
  // What lies outside the basic plane takes two places.
  const { length } = text;
  return { encoding: "ucs2", length, segments: length <= 70 ? 1 : Math.ceil(length / 67) };
}
