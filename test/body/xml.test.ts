import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';

const parse = (body: string | Uint8Array, type = 'application/xml') => {
  const result = parseBody(typeof body === 'string' ? Buffer.from(body) : body, type);
  return result.ok ? result.value : `${result.code}: ${result.reason}`;
};
const fill = (text: string, size = 1_048_576) => text.repeat(Math.ceil(size / text.length));

describe('XML', () => {
  it.each(['application/xml', 'text/xml; charset=utf-8', 'application/soap+xml;action="x"', 'application/vnd.x+XML'])(
    'of type %s is read',
    (type) => {
      expect(parse('<a>é</a>', type)).toEqual({ a: 'é' });
      expect(parse('<a>', type)).toMatch('malformed');
    },
  );

  it.each([
    ['an empty element', '<a/>', { a: '' }],
    ['one with an end', '<a ></a\n>', { a: '' }],
    ['text', '<a>007</a>', { a: '007' }],
    ['a text that looks like a boolean', '<a>true</a>', { a: 'true' }],
    ['elements', '<a><b>1</b><c>2</c></a>', { a: { b: '1', c: '2' } }],
    ['repeated elements', '<a><b>1</b><c/><b><d>2</d></b><b/></a>', { a: { b: ['1', { d: '2' }, ''], c: '' } }],
    ['attributes', `<a b="1" c='"' d = "x>y"/>`, { a: { '@b': '1', '@c': '"', '@d': 'x>y' } }],
    ['attributes and text', '<a b="1">x</a>', { a: { '@b': '1', '#text': 'x' } }],
    ['text between elements', '<a>x<b/>y</a>', { a: { b: '', '#text': 'xy' } }],
    ['prefixes', '<s:a xmlns:s="urn:s" xmlns="urn:d" s:t="p:q"><s:b/></s:a>', { a: { '@t': 'p:q', b: '' } }],
    ['one name of two prefixes', '<a><x:b c:d="1" d="2"/><y:b/></a>', { a: { b: [{ '@d': ['1', '2'] }, ''] } }],
    ['layout', '<a>\r\n  <b>\r\n x y\r\n</b>\r\n</a>\r\n', { a: { b: 'x y' } }],
    ['layout around text and elements', '<a>\n x <b/>\n</a>', { a: { b: '', '#text': 'x' } }],
    ['nothing but layout', '<a>\n\t</a>', { a: '' }],
    ['blanks that are no layout', '<a> &#32;x&#10; </a>', { a: ' x\n' }],
    ['other spaces', '<a>\u00a0x\u2003</a>', { a: '\u00a0x\u2003' }],
    ['line ends of any kind', '<a>x\r\ny\rz</a>', { a: 'x\ny\nz' }],
    ['CDATA', '<a>\n <![CDATA[ <b>&amp; ]] ]]>\n</a>', { a: ' <b>&amp; ]] ' }],
    ['CDATA after a blank', '<a>x <![CDATA[y]]></a>', { a: 'x y' }],
    ['CDATA beside text', '<a>x <![CDATA[y]]> z</a>', { a: 'x y z' }],
    ['comments', '<!-- - <x> --><a>x<!----> <!-- & -->y</a><!-- -->', { a: 'x y' }],
    ['instructions', '<?xml-stylesheet href="x"?><a><?p?><?q ? > <b>?>x</a><?r\n?>', { a: 'x' }],
    [
      'references',
      '<a b="&lt;&quot;&#x1F388;">&amp;lt;&apos;&gt;&#65;</a>',
      { a: { '@b': '<"🎈', '#text': "&lt;'>A" } },
    ],
    ['line ends in an attribute', '<a b="1\n\t2&#10;"/>', { a: { '@b': '1  2\n' } }],
    ['names of any script', '<ñ·1 名="1"/>', { ñ·1: { '@名': '1' } }],
    ['names every object has', '<constructor><toString>1</toString></constructor>', { constructor: { toString: '1' } }],
    ['a declaration', `<?xml version="1.0" encoding='utf-8' standalone="yes" ?>\n<a/>`, { a: '' }],
    ['a byte order mark', '\ufeff<?xml version="1.0"?><a>é</a>', { a: 'é' }],
    ['a byte order mark and ASCII', '\ufeff<a>e</a>', { a: 'e' }],
    ['a DTD in CDATA, which is text', '<a><![CDATA[<!DOCTYPE a>]]></a>', { a: '<!DOCTYPE a>' }],
  ])('may have %s', (_, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['text', 'x'],
    ['JSON', '{"a":1}'],
    ['no root', '<?xml version="1.0"?><!-- x -->'],
    ['two roots', '<a/><b/>'],
    ['two roots, the first with content', '<a>x</a><b/>'],
    ['text after its root', '<a/>x'],
    ['text before its root', 'x<a/>'],
    ['a reference after its root', '<a/>&#32;'],
    ['CDATA after its root', '<a/><![CDATA[]]>'],
    ['an open element', '<a><b></b>'],
    ['a wrong end', '<a></b>'],
    ['an end of a longer name', '<a></ab>'],
    ['an end of another prefix', '<x:a></y:a>'],
    ['crossed elements', '<a><b></a></b>'],
    ['an end of nothing', '</a>'],
    ['an end without a name', '<a/></>'],
    ['one end too many', '<a/></a>'],
    ['an end with attributes', '<a></a b="1">'],
    ['half a tag', '<a'],
    ['half a tag with an attribute', '<a b="1"'],
    ['half an attribute', '<a b="1'],
    ['half an end', '<a></a'],
    ['a blank before the name', '< a/>'],
    ['a blank in the end of a tag', '<a / >'],
    ['a name that begins with a digit', '<1a/>'],
    ['a prefix without a name', '<a:/>'],
    ['an attribute without a value', '<a b/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['attributes without a blank between', '<a b="1"c="2"/>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute of half a name', '<a x:="1"/>'],
    ['a tag in an attribute', '<a b="<"/>'],
    ['a lone ampersand', '<a>x & y</a>'],
    ['a reference without end', '<a>&amp</a>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['an unknown entity in an attribute', '<a b="&x;"/>'],
    ['an entity every object has', '<a>&constructor;</a>'],
    ['a reference to no character', '<a>&#0;</a>'],
    ['a reference to half a character', '<a>&#xd83c;&#xdf88;</a>'],
    ['a reference beyond Unicode', '<a>&#x110000;</a>'],
    ['a reference of a number in capitals', '<a>&#X41;</a>'],
    ['an empty reference', '<a>&#;&#x;</a>'],
    ['an end of CDATA in text', '<a>]]></a>'],
    ['CDATA without end', '<a><![CDATA[x</a>'],
    ['a comment without end', '<a><!-- x</a>'],
    ['a comment that holds --', '<a><!-- x -- y --></a>'],
    ['a comment that ends in --->', '<a><!-- x ---></a>'],
    ['an instruction without end', '<a><?x </a>'],
    ['an instruction without target', '<a><? x?></a>'],
    ['an instruction of half a target', '<a><?x"y?></a>'],
    ['a declaration within', '<a><?xml version="1.0"?></a>'],
    ['a declaration after a blank', ' <?xml version="1.0"?><a/>'],
    ['a declaration without version', '<?xml encoding="utf-8"?><a/>'],
    ['a declaration of version 2', '<?xml version="2.0"?><a/>'],
    ['a declaration without end', `<?xml ${fill(' ')}`],
    ['a control character', '<a>\u0001</a>'],
    ['a noncharacter', '<a>\uffff</a>'],
    ['a __proto__ element', '<a><__proto__>1</__proto__></a>'],
    ['a __proto__ element with a prefix', '<a><x:__proto__/></a>'],
    ['a DTD', '<!DOCTYPE a><a/>'],
    ['a DTD after a comment', '<!-- --><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
    ['a DTD in small letters', '<!doctype a><a/>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['a billion laughs', `<!DOCTYPE a [<!ENTITY x0 "ha">${fill('<!ENTITY x1 "&x0;&x0;">')}]><a>&x1;</a>`],
    ['an entity within', '<a><!ENTITY x "y"></a>'],
  ])('with %s is malformed', (_, text) => {
    expect(parse(text)).toMatch('malformed: the XML is refused in line');
  });

  it.each(['ISO-8859-1', 'UTF-16', 'utf-7', 'windows-1252'])('declared as %s is malformed', (encoding) => {
    expect(parse(`<?xml version="1.0" encoding="${encoding}"?><a/>`)).toMatch('another encoding than UTF-8');
  });

  it('that is not UTF-8 is malformed', () => {
    expect(parse(Buffer.from('<a>é</a>', 'latin1'))).toMatch('malformed');
    expect(parse(Buffer.from('\ufeff<a/>', 'utf16le'))).toMatch('malformed');
  });

  it('is refused by the number of the line, without its text being repeated', () => {
    const refusal = parse('<a>\r\n<password>hunter2</passwort>\r\n</a>');
    expect(refusal).toMatch('in line 2: ');
    expect(refusal).not.toContain('hunter2');
    expect(refusal).not.toContain('passwor');
  });

  it('is refused as unclosed when it ends too early', () => {
    expect(parse('<a><b></b>')).toMatch('an element is not closed');
    expect(parse('<a><b></b></a>')).toEqual({ a: { b: '' } });
  });

  it('is read from the middle of a larger buffer', () => {
    expect(parse(Buffer.from('<x><a>é\r\n</a></x>').subarray(3, -4))).toEqual({ a: 'é' });
  });

  it('of Salesforce is an envelope with its notifications', () => {
    const notification = (id: string) =>
      `<Notification><Id>${id}</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
       <sf:Id>00Q1</sf:Id><sf:Phone xsi:nil="true"/><sf:Zip>01234</sf:Zip></sObject></Notification>`;
    const text = `<?xml version="1.0" encoding="UTF-8"?>
      <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="urn:xsi"><soapenv:Body>
      <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
      ${notification('04l1')}${notification('04l2')}</notifications></soapenv:Body></soapenv:Envelope>`;
    const sObject = { '@type': 'sf:Lead', Id: '00Q1', Phone: { '@nil': 'true' }, Zip: '01234' };
    const Notification = ['04l1', '04l2'].map((Id) => ({ Id, sObject }));
    expect(parse(text, 'text/xml; charset=utf-8')).toEqual({ Envelope: { Body: { notifications: { Notification } } } });
  });
});

describe('the bounds of XML', () => {
  it('are 64 elements deep', () => {
    const deep = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
    expect(parse(deep(64))).toBeTypeOf('object');
    expect(parse(deep(65))).toMatch('nested deeper than 64');
    expect(parse(fill('<a>'))).toMatch('nested deeper than 64');
    expect(parse(`${'<a>'.repeat(64)}<a/>`)).toMatch('nested deeper than 64');
  });

  it('are 20,000 values: elements, attributes, and text beside them', () => {
    expect(parse(`<r>${'<a/>'.repeat(19_999)}</r>`)).toBeTypeOf('object');
    expect(parse(`<r>${'<a/>'.repeat(20_000)}</r>`)).toMatch('more than 20000 values');
    expect(parse(`<r x="1">${'<a/>'.repeat(19_998)}</r>`)).toBeTypeOf('object');
    expect(parse(`<r x="1">y${'<a/>'.repeat(19_998)}</r>`)).toMatch('more than 20000 values');
    expect(parse(`<r>${fill('<a/>')}`)).toMatch('more than 20000 values');
  });

  it('hold for attributes', () => {
    const attributes = (count: number) => Array.from({ length: count }, (_, index) => ` a${index}="1"`).join('');
    expect(parse(`<r${attributes(19_999)}/>`)).toBeTypeOf('object');
    expect(parse(`<r${attributes(20_000)}/>`)).toMatch('more than 20000 values');
  });

  it('do not hold for what makes no value', () => {
    expect(parse(`<r>${fill('x<!---->')}</r>`)).toEqual({ r: 'x'.repeat(131_072) });
    expect(parse(`<r>${fill('&lt;')}</r>`)).toEqual({ r: '<'.repeat(262_144) });
  });
});

describe('any tree written as XML', () => {
  type Tree = { name: string; attributes: Record<string, string>; children: (Tree | string)[] };
  const name = fc.constantFrom('a', 'b', 'é', 'c-d', '_x', 'constructor', 'length');
  const text = fc
    .string({ unit: fc.oneof(fc.constantFrom('<', '>', '&', '"', "'", ']]>', ' ', '\n', '\t', '\r'), fc.string()) })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML cannot say.
    .map((one) => one.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/g, '?'));
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.record({
      name,
      attributes: fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true }),
      children: fc.array(fc.oneof({ maxDepth: 4 }, text, tie('tree')), { maxLength: 4 }),
    }),
  }));
  const reference = (character: string) => `&#x${character.codePointAt(0)?.toString(16)};`;
  const escaped = (one: string) => one.replaceAll(/[<>&"'\s]/gu, reference);

  function write({ name, attributes, children }: Tree): string {
    const pairs = Object.entries(attributes).map(([key, value]) => `\n${key} = "${escaped(value)}"`);
    const inner = children.map((child) => (typeof child === 'string' ? escaped(child) : `${write(child)}\n`));
    return `<p:${name}${pairs.join('')}>\n<!-- x -->${inner.join('')}</p:${name}>`;
  }

  function expected({ attributes, children }: Tree): unknown {
    const object: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(attributes)) object[`@${key}`] = value;
    const trees = children.filter((child) => typeof child !== 'string');
    for (const { name } of trees) {
      const same = trees.filter((other) => other.name === name).map(expected);
      object[name] = same.length === 1 ? same[0] : same;
    }
    let own = '';
    let layout = 0;
    for (const child of children.filter((one) => one !== '')) {
      if (typeof child !== 'string' && own === '') continue;
      own += typeof child === 'string' ? child : '\n';
      layout = typeof child === 'string' ? 0 : layout + 1;
    }
    own = own.slice(0, own.length - layout);
    if (Object.keys(object).length === 0) return own;
    return own === '' ? object : { ...object, '#text': own };
  }

  it('is read as that tree', () => {
    fc.assert(
      fc.property(tree, (one) => {
        expect(parse(write(one))).toEqual({ [one.name]: expected(one) });
      }),
      { numRuns: 500 },
    );
  });
});
