"""A page in the browser that colors what is uploaded. Only `page` imports Gradio."""
