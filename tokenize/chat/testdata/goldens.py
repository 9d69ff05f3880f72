# What transformers (5.24) writes for chats.json by each template here:
#
#   python goldens.py > goldens.json      with transformers and jinja2 installed
#
# The templates were written for this test in the manner of ten and more families of models. A text that the
# template refuses is {"refused": message}. spans are the characters that lie in {% generation %}.
import glob, json, os
from transformers.utils.chat_template_utils import render_jinja_template

here = os.path.dirname(os.path.abspath(__file__))
chats = json.load(open(os.path.join(here, "chats.json")))
out = {}
for path in sorted(glob.glob(os.path.join(here, "templates", "*.jinja"))):
    template = open(path).read()
    rows = out[os.path.basename(path)[:-len(".jinja")]] = []
    for chat in chats:
        for prompt in (False, True):
            row = {}
            try:
                texts, spans = render_jinja_template(
                    conversations=[chat], chat_template=template, add_generation_prompt=prompt,
                    return_assistant_tokens_mask="{% generation" in template and not prompt,
                    bos_token="<s>", eos_token="</s>")
                row["text"] = texts[0]
                if spans and spans[0]:
                    row["spans"] = spans[0]
            except Exception as e:
                row["refused"] = str(e)
            rows.append(row)
print(json.dumps(out, ensure_ascii=False, indent=1))
