# The way through the demo, read by window.sh, which has `shot`, `key`, `click`, `click_primary` and `await`.
shot 1-first-start

# The demo, by its card: model and examples are loaded, and the window goes on to Train.
click 440 330
await 60 "the unpacked demo" test -s "$XDG_DATA_HOME/hydra-studio/demo/examples.jsonl"
sleep 6
key ctrl+1
shot 2-model
key ctrl+2
shot 3-data
key ctrl+3
shot 3-topics
key ctrl+4
shot 4-train

# Start training, and stop once a checkpoint is there.
click_primary
await 30 "the run" bash -c "find '$home' -name run.json | grep -q ."
sleep 8
shot 5-training
await 180 "a checkpoint" bash -c "find '$home' -path '*checkpoint-*' -name trainer_state.json | grep -q ."
key ctrl+shift+s
sleep 4
shot 6-trained

# The routing of a prompt: the pictures below the question come in.
key ctrl+5
click 700 261
xdotool type --delay 30 "What kind of thing is a rabbit?"
sleep 0.5
import -window root "$shots/unasked.png"
click_primary
sleep 2
shot 7-routing
must_differ unasked 7-routing 50000
rm "$shots/unasked.png"

# The page to talk with base and adapter.
key ctrl+6
shot 8-chat

# The adapter as a folder.
key ctrl+7
click_primary
await 30 "the exported adapter" bash -c "find '$home' -path '*adapters*' -name adapter_model.safetensors | grep -q ."
sleep 1
shot 9-export

# Every page once more in the light theme.
key ctrl+p
xdotool type --delay 30 "light theme"
sleep 0.5
key Return
page=0
for name in model data topics train routing chat export; do
    page=$((page + 1))
    key "ctrl+$page"
    shot "light-$page-$name"
done
